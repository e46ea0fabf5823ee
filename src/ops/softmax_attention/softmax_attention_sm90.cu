// SPDX-License-Identifier: Apache-2.0
// Starts the kernels for Hopper.
#include "ops/softmax_attention/softmax_attention_cuda.h"
#include "ops/softmax_attention/softmax_prompt_hopper_launch.cuh"
#include "ops/softmax_attention/softmax_step_hopper_launch.cuh"

namespace minimax::ops::cuda {
namespace {

// Calls visitor.operator()<kind>() for a cache of BF16 or a quantized one.
template <class Visitor>
void visit_kv(tensor::DType dtype, Visitor&& visitor) {
  switch (dtype) {
    case tensor::DType::kF8E4M3:
      return visitor.template operator()<KvKind::kFp8>();
    case tensor::DType::kU8:
      return visitor.template operator()<KvKind::kInt4>();
    default:
      return visitor.template operator()<KvKind::kBf16>();
  }
}

}  // namespace

void softmax_prompt_hopper(const SoftmaxCudaArgs& args, int least_tokens,
                           minimax::cuda::Stream stream) {
  visit_kv(args.cache_dtype, [&]<KvKind kv>() {
    softmax_prompt::launch_prompt<softmax_prompt::Variant<false, true, true, kv>>(
        args, least_tokens, stream);
  });
}

void softmax_step_hopper(const SoftmaxCudaArgs& args, int most_tokens, float* scratch,
                         minimax::cuda::Stream stream) {
  visit_kv(args.cache_dtype, [&]<KvKind kv>() {
    softmax_step::launch_step<softmax_step::Variant<4, 3, 2, kv>>(args, most_tokens, scratch,
                                                                  stream);
  });
}

}  // namespace minimax::ops::cuda
