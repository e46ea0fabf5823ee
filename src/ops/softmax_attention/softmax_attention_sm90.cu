// SPDX-License-Identifier: Apache-2.0
// Starts the kernels for Hopper.
#include "ops/softmax_attention/softmax_attention_cuda.h"
#include "ops/softmax_attention/softmax_prompt_hopper_launch.cuh"
#include "ops/softmax_attention/softmax_step_hopper_launch.cuh"

namespace minimax::ops::cuda {

void softmax_prompt_hopper(const SoftmaxCudaArgs& args, int least_tokens,
                           minimax::cuda::Stream stream) {
  softmax_prompt::launch_prompt<softmax_prompt::Variant<false, true, false>>(args, least_tokens,
                                                                             stream);
}

void softmax_step_hopper(const SoftmaxCudaArgs& args, int most_tokens, float* scratch,
                         minimax::cuda::Stream stream) {
  softmax_step::launch_step<softmax_step::Variant<4, 3, 2, 2>>(args, most_tokens, scratch, stream);
}

}  // namespace minimax::ops::cuda
