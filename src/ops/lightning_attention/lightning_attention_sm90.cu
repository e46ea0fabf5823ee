// SPDX-License-Identifier: Apache-2.0
// Starts the kernel for prompts on Hopper.
#include <cuda_runtime.h>

#include "base/check.h"
#include "cuda/check.h"
#include "cuda/tensor_map.h"
#include "ops/lightning_attention/lightning_attention_hopper_launch.cuh"

namespace minimax::ops::cuda {
namespace {

template <class Out>
void launch(const LightningCudaArgs& args, minimax::cuda::Stream stream) {
  using hopper::Silu;
  if (args.input == LightningInput::kActivated) {
    hopper::launch_prompt<hopper::Variant<true, Silu::kDone, Out>>(args, stream);
  } else {
    hopper::launch_prompt<hopper::Variant<true, Silu::kTanh, Out>>(args, stream);
  }
}

}  // namespace

void lightning_hopper(const LightningCudaArgs& args, minimax::cuda::Stream stream) {
  base::check(args.qkv_type == tensor::DType::kBF16 && args.head_dim == hopper::kDim,
              ErrorCode::kInvalidArgument,
              "lightning_attention: the kernel for Hopper takes BF16 and head_dim 128");
  if (args.out_type == tensor::DType::kF32) {
    launch<float>(args, stream);
  } else {
    launch<__nv_bfloat16>(args, stream);
  }
}

}  // namespace minimax::ops::cuda
