// SPDX-License-Identifier: Apache-2.0
// From a model directory, or a GGUF file, to weights in memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "minimax/config.h"
#include "minimax/model.h"
#include "model/device_map.h"
#include "model/expert_cache.h"
#include "model/expert_stream.h"
#include "model/model_source.h"
#include "model/parameters.h"
#include "model/weights.h"
#include "ops/context.h"
#include "tensor/memory.h"

namespace minimax::model {

/// A loaded model: what forward() reads and nothing that it changes.
struct Model {
  MiniMaxConfig config;
  Weights weights;
  std::unique_ptr<ExpertCache> expert_cache;    // null: all experts are in `weights`
  ExpertPlacement placement;                    // beside a GPU
  std::unique_ptr<ExpertStream> expert_stream;  // null: none are on the host
  ops::Precision precision = ops::Precision::kFloat32;
  tensor::DType kv_dtype = tensor::DType::kF32;           // of keys and values in states
  const tensor::Memory* memory = &tensor::host_memory();  // of weights and states
  ModelSize size;
  std::uint64_t identity = 0;                   // model_identity() of what was loaded
  std::vector<std::int32_t> suppressed_tokens;  // ids whose rows of the language head are all zero
  std::vector<std::string> warnings;
};

/// Who knows what a model needs beside its weights. Asked before anything large is allocated;
/// config, size and precision are set. Both may be empty.
struct MemoryPlanner {
  /// With the name of the model in messages. What it throws ends the loading.
  std::function<void(const std::string& name, const Model& model)> check = {};
  /// What the device has for weights, in bytes.
  std::function<std::int64_t(const Model& model)> weight_room = {};
};

/// The memory of a GPU that the options allow, of so much that is free.
std::int64_t gpu_memory(const LoadOptions& options, std::int64_t free_bytes);

/// Reads the files that open_model() finds. A head that is missing there is filled with
/// random numbers, except for the language head, and a warning says so.
/// Throws: Error{kCorruptFile} naming missing tensors or the tensor with expected and found shape;
/// Error{kUnsupported} for element types that are no floats; Error{kOutOfMemory} with the
/// arithmetic before anything large is allocated; Error{kIo}.
Model load_model(const std::filesystem::path& directory, HeadKind head, const LoadOptions& options,
                 const MemoryPlanner& planner = {});

/// A model with random weights: to train from, float32 unless options.dtype is kBFloat16; or in
/// options.random_format, to be measured, computed in bfloat16 unless options.dtype is kFloat32.
/// Throws: Error{kInvalidArgument} as MiniMaxConfig::resolved(), and for an unknown format;
/// Error{kOutOfMemory}.
Model random_model(const MiniMaxConfig& config, HeadKind head, const LoadOptions& options,
                   std::uint64_t seed, const MemoryPlanner& planner = {});

/// What load_model() would make of a model, with the head that its configuration names.
struct ModelMeasure {
  ModelSize size;
  ops::Precision precision = ops::Precision::kFloat32;
  tensor::DType kv_dtype = tensor::DType::kF32;
};

/// What it is of a loaded model.
ModelMeasure measure_of(const Model& model);

/// Measures without loading: from the configuration and the headers of the checkpoint.
/// Throws: as load_model() for what those tell.
ModelMeasure measure_model(const ModelSource& source, const LoadOptions& options);

}  // namespace minimax::model
