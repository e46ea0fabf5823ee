// SPDX-License-Identifier: Apache-2.0
// The memory that a model runs in beside its weights and states, worked out before it is loaded.
#pragma once

#include <cstdint>
#include <string>

#include "minimax/config.h"
#include "minimax/device.h"
#include "model/activations.h"
#include "model/loader.h"
#include "ops/context.h"

namespace minimax::engine {

/// What a workspace follows from.
struct WorkspaceSubject {
  const MiniMaxConfig& config;
  std::int64_t shared_size = 0;  // of the shared expert; 0: there is none
  ops::Precision precision = ops::Precision::kFloat32;
  Device device = Device::kCpu;
  int threads = 1;

  model::ActivationPlan activations(std::int64_t tokens) const;
};

/// All in bytes but for the first.
struct WorkspacePlan {
  std::int64_t max_tokens = 0;  // of a step
  std::int64_t activations = 0;
  std::int64_t scratch = 0;
  std::int64_t decode_step = 0;  // logits and choices of a recorded step
  std::int64_t staging = 0;      // small arrays of a step
  std::int64_t blas = 0;         // cuBLASLt and its workspace

  std::int64_t total() const { return activations + scratch + decode_step + staging + blas; }
};

/// Chooses the tokens of a step so that the workspace stays within what the device has for it.
WorkspacePlan plan_workspace(const WorkspaceSubject& subject);

/// What a model with a language head takes on a device, in all.
struct DevicePlan {
  std::int64_t weights = 0;  // on the device
  std::int64_t staged = 0;   // buffers for those that stay on the host
  WorkspacePlan workspace;
  std::int64_t state = 0;  // of one sequence, empty

  std::int64_t total() const { return weights + staged + workspace.total() + state; }
  /// "weights 12.3 GiB + activations ... = 13.0 GiB"
  std::string arithmetic() const;
};

DevicePlan plan_device(const MiniMaxConfig& config, const model::ModelMeasure& measure,
                       Device device, int threads);

/// Throws: Error{kOutOfMemory} with the arithmetic where a GPU has less memory free, or the
/// options allow less, than the plan needs. `model` is how messages name it. Does nothing for other
/// devices.
void check_device_memory(const std::string& model, const DevicePlan& plan,
                         const LoadOptions& options);

}  // namespace minimax::engine
