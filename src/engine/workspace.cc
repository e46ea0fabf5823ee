// SPDX-License-Identifier: Apache-2.0
#include "engine/workspace.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/file.h"
#include "base/memory.h"
#include "cuda/device.h"
#include "engine/decode_step.h"
#include "model/state.h"

namespace minimax::engine {
namespace {

constexpr std::int64_t kWorkspaceBytes = 40LL << 20;
constexpr std::int64_t kMaxTokens = model::StateSize::kLongestStep;
constexpr std::int64_t kTokenStep = 64;  // whole tiles of the kernels
constexpr std::int64_t kGpuWorkspaceBytes = 4LL << 30;
constexpr std::int64_t kGpuMaxTokens = 8192;        // enough rows for every expert
constexpr std::int64_t kStagingBytes = 16LL << 20;  // of a cuda::Runtime
constexpr std::int64_t kBlasBytes = 96LL << 20;     // of cuBLASLt, with its workspace

}  // namespace

// Rounded activations lie in memory as such on a GPU; the CPU rounds as it reads them.
model::ActivationPlan WorkspaceSubject::activations(std::int64_t tokens) const {
  const bool rounds = device == Device::kCuda && precision == ops::Precision::kBFloat16;
  return {.config = config,
          .shared_size = shared_size,
          .tokens = tokens,
          .dtype = rounds ? tensor::DType::kBF16 : tensor::DType::kF32};
}

WorkspacePlan plan_workspace(const WorkspaceSubject& subject) {
  const bool on_gpu = subject.device == Device::kCuda;
  const std::int64_t budget = on_gpu ? kGpuWorkspaceBytes : kWorkspaceBytes;
  WorkspacePlan plan;
  for (plan.max_tokens = on_gpu ? kGpuMaxTokens : kMaxTokens;; plan.max_tokens -= kTokenStep) {
    const model::ActivationPlan sizes = subject.activations(plan.max_tokens);
    plan.activations = model::activation_bytes(sizes);
    plan.scratch = model::scratch_bytes(sizes, subject.device, subject.threads);
    if (plan.max_tokens <= kTokenStep || plan.activations + plan.scratch <= budget) {
      break;
    }
  }
  if (on_gpu) {
    plan.decode_step = DecodeStep::device_bytes(subject.config.vocab_size);
    plan.staging = kStagingBytes;
    plan.blas = kBlasBytes;
  }
  return plan;
}

std::string DevicePlan::arithmetic() const {
  return fmt::format(
      "weights {}{} + activations {} + scratch {} + steps {} + cuBLASLt {} + a state {} = {}",
      base::format_bytes(weights),
      staged > 0 ? " + buffers of experts " + base::format_bytes(staged) : "",
      base::format_bytes(workspace.activations), base::format_bytes(workspace.scratch),
      base::format_bytes(workspace.decode_step + workspace.staging),
      base::format_bytes(workspace.blas), base::format_bytes(state), base::format_bytes(total()));
}

DevicePlan plan_device(const MiniMaxConfig& config, const model::ModelMeasure& measure,
                       Device device, int threads) {
  const model::StateSize state = model::state_size(config, measure.kv_dtype);
  return {.weights = measure.size.weight_bytes - measure.size.host_weight_bytes,
          .staged = measure.size.staged_weight_bytes,
          .workspace = plan_workspace({.config = config,
                                       .shared_size = config.shared_intermediate_size,
                                       .precision = measure.precision,
                                       .device = device,
                                       .threads = threads}),
          .state = state.fixed_bytes + state.kv_bytes(1)};
}

void check_device_memory(const std::string& model, const DevicePlan& plan,
                         const LoadOptions& options) {
  if (options.device != Device::kCuda) {
    return;
  }
  const std::int64_t room = model::gpu_memory(options, cuda::require_device().free_bytes);
  base::check(plan.total() <= room, ErrorCode::kOutOfMemory, [&] {
    return fmt::format("{}: {} {} of memory {}, the model needs {}", base::printable(model),
                       options.gpu_memory_bytes > 0 ? "of the GPU," : "the GPU has",
                       base::format_bytes(room),
                       options.gpu_memory_bytes > 0 ? "may be taken" : "free", plan.arithmetic());
  });
}

}  // namespace minimax::engine
