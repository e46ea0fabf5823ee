// SPDX-License-Identifier: Apache-2.0
// How a GGUF file wants its model to be sampled, in the words of generation_config.json.
#pragma once

#include "base/json.h"
#include "io/gguf_metadata.h"

namespace minimax::engine {

/// An object with the fields for which the metadata has keys: those of general.sampling and
/// tokenizer.ggml.suppress_tokens. A temperature above 0 turns sampling on.
/// Throws: Error{kCorruptFile} for values of other types.
base::Json generation_json_from_gguf(const io::GgufMetadata& metadata);

}  // namespace minimax::engine
