// SPDX-License-Identifier: Apache-2.0
// The files of a model, opened but not loaded: what they say of it and where its tensors lie.
#pragma once

#include <filesystem>

#include "io/checkpoint.h"
#include "minimax/config.h"
#include "minimax/model.h"
#include "model/parameters.h"

namespace minimax::model {

struct ModelSource {
  MiniMaxConfig config;
  io::Checkpoint checkpoint;
  TensorNames names = TensorNames::kPublished;
};

/// Reads config.json and the headers of safetensors files, or the header of GGUF files, and applies
/// what `options` change in the configuration.
/// Throws: as MiniMaxConfig::from_pretrained, io::read_safetensors and io::read_gguf.
ModelSource open_model(const std::filesystem::path& path, const LoadOptions& options = {});

}  // namespace minimax::model
