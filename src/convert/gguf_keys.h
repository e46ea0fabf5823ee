// SPDX-License-Identifier: Apache-2.0
// The metadata of a GGUF file for llama.cpp. docs/formats/gguf.md has the keys.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "io/gguf_metadata.h"
#include "io/gguf_writer.h"
#include "minimax/config.h"
#include "minimax/generation_config.h"
#include "quant/format.h"
#include "text/gguf_vocabulary.h"
#include "text/template_source.h"

namespace minimax::convert {

/// general.* and the keys of the architecture.
void add_model_keys(const MiniMaxConfig& config, const std::string& name, quant::Format format,
                    io::GgufWriter::Keys& keys);

/// How answers are sampled and end.
/// The end tokens beyond two have no place: they go to `warnings`.
void add_generation_keys(const GenerationConfig& generation, io::GgufWriter::Keys& keys,
                         std::vector<std::string>& warnings);

/// The tokens that are never generated.
void add_suppressed_tokens(std::span<const std::int32_t> ids, io::GgufWriter::Keys& keys);

/// The tokenizer and its templates. Special tokens that have a key already keep it.
void add_tokenizer_keys(text::OwnedGgufVocabulary vocabulary, const text::TemplateFiles& templates,
                        io::GgufWriter::Keys& keys);

/// Keys of a file that is written anew: all of general.* and, with a tokenizer, of tokenizer.* that
/// `keys` lack, but for those that describe the old file itself.
void add_other_keys(const io::GgufMetadata& metadata, bool with_tokenizer,
                    io::GgufWriter::Keys& keys);

/// That there is no tokenizer.
void add_no_tokenizer(io::GgufWriter::Keys& keys);

}  // namespace minimax::convert
