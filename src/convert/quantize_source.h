// SPDX-License-Identifier: Apache-2.0
// A model that is to be quantized, from whichever files it lies in.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "convert/model_files.h"
#include "io/checkpoint.h"
#include "minimax/config.h"

namespace minimax::convert {

struct QuantizeSource {
  MiniMaxConfig config;
  io::Checkpoint checkpoint;  // under published names
  ModelFiles files;
  std::vector<std::string> warnings;
};

/// Opens a folder with config.json and safetensors, or a GGUF file, whose metadata becomes the
/// files that a folder has. A tokenizer that cannot be written leaves a warning instead.
/// Throws: as model::open_model, model::published_checkpoint and read_model_files.
QuantizeSource open_quantize_source(const std::filesystem::path& model);

}  // namespace minimax::convert
