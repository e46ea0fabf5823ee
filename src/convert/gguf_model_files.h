// SPDX-License-Identifier: Apache-2.0
// The files that stand beside safetensors, made of the metadata of a GGUF file.
#pragma once

#include <string>
#include <vector>

#include "convert/model_files.h"
#include "io/gguf_metadata.h"
#include "minimax/config.h"

namespace minimax::convert {

/// config.json, generation_config.json and, where the file has a tokenizer, tokenizer.json,
/// tokenizer_config.json and its chat templates: chat_template.jinja for a single one without a
/// name, else a list in tokenizer_config.json. What cannot be written leaves a warning.
/// Throws: Error{kCorruptFile} naming file and key.
ModelFiles model_files_of_gguf(const io::GgufMetadata& metadata, const MiniMaxConfig& config,
                               std::vector<std::string>& warnings);

}  // namespace minimax::convert
