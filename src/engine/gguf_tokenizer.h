// SPDX-License-Identifier: Apache-2.0
// The tokenizer and chat templates that the metadata of a GGUF file describes.
#pragma once

#include "engine/tokenizer.h"
#include "io/gguf_metadata.h"
#include "text/template_source.h"
#include "text/tokenizer.h"

namespace minimax::engine {

/// Throws: Error{kUnsupported} for a file without a tokenizer or with one of another kind than
/// byte-level BPE, and for a splitting rule that is not known; Error{kCorruptFile} naming file and
/// key.
Tokenizer::Impl tokenizer_from_gguf(const io::GgufMetadata& metadata);

/// tokenizer.chat_template and those with a name, with the texts of the special tokens.
text::TemplateFiles templates_from_gguf(const io::GgufMetadata& metadata,
                                        const text::Tokenizer& tokenizer);

}  // namespace minimax::engine
