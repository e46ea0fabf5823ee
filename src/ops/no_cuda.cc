// SPDX-License-Identifier: Apache-2.0
// The kernels of the GPU in a build without CUDA. No context of such a build names that device, so
// that none of them is ever reached; without them the program would not link.
#include "base/check.h"
#include "ops/choose_tokens/choose_tokens.h"
#include "ops/device_matrix/repack_cuda.h"
#include "ops/embedding/embedding_kernels.h"
#include "ops/gated_norm/gated_norm_kernels.h"
#include "ops/grouped_matmul/grouped_matmul_kernels.h"
#include "ops/grouped_matmul/moe_decode_cuda.h"
#include "ops/lightning_attention/lightning_attention_kernels.h"
#include "ops/matmul/matmul_kernels.h"
#include "ops/moe_combine/moe_combine_kernels.h"
#include "ops/moe_permute/moe_permute_kernels.h"
#include "ops/random_weights/random_weights_kernels.h"
#include "ops/residual_norm/residual_norm_kernels.h"
#include "ops/rms_norm/rms_norm_kernels.h"
#include "ops/rope/rope_kernels.h"
#include "ops/routed_experts/routed_experts_kernels.h"
#include "ops/router/router_kernels.h"
#include "ops/scaled_add/scaled_add_kernels.h"
#include "ops/sigmoid_blend/sigmoid_blend_kernels.h"
#include "ops/sigmoid_mul/sigmoid_mul_kernels.h"
#include "ops/silu_mul/silu_mul_kernels.h"
#include "ops/softmax_attention/softmax_attention_kernels.h"

namespace minimax::ops {

std::int64_t choose_tokens_scratch_bytes(std::int64_t) { return 0; }

}  // namespace minimax::ops

namespace minimax::ops::cuda {
namespace {

[[noreturn]] void refuse() {
  throw Error(ErrorCode::kDevice, "cuda: this program was built without CUDA");
}

}  // namespace

void choose_tokens(const Context&, const ChooseTokensArgs&) { refuse(); }
void embedding(const Context&, const quant::Matrix&, std::span<const std::int32_t>,
               const tensor::Tensor&) {
  refuse();
}
bool takes_few_tokens(const Context&, const RoutedExpertsArgs&) { refuse(); }
void few_tokens_experts(const Context&, const RoutedExpertsArgs&) { refuse(); }
void gated_norm(const Context&, const GatedNormArgs&) { refuse(); }
void grouped_gated_matmul(const Context&, const GroupedGatedMatmulArgs&) { refuse(); }
void grouped_matmul(const Context&, const GroupedMatmulArgs&) { refuse(); }
bool joined_matmul(const Context&, const JoinedMatmulArgs&) { refuse(); }
void kv_cache_append(const Context&, const KvCacheAppendArgs&) { refuse(); }
void lightning_attention(const Context&, const LightningAttentionArgs&) { refuse(); }
void matmul(const Context&, const MatmulArgs&) { refuse(); }
void moe_combine(const Context&, const MoeCombineArgs&) { refuse(); }
void moe_permute(const Context&, const MoePermutePairs&) { refuse(); }
// Plans of a GPU's memory can be made anywhere.
std::int64_t moe_decode_scratch_bytes(std::int64_t, std::int64_t, std::int64_t, int) { return 0; }
void random_weights(const Context&, const RandomWeightsArgs&) { refuse(); }
void repack(const Repack&, minimax::cuda::Stream) { refuse(); }
void residual_norm(const Context&, const ResidualNormArgs&) { refuse(); }
void rms_norm(const Context&, const tensor::Tensor&, const tensor::Tensor&, double,
              const tensor::Tensor&) {
  refuse();
}
void rope(const Context&, const tensor::Tensor&, const tensor::Tensor&, const tensor::Tensor&) {
  refuse();
}
void rope_table(const Context&, std::span<const std::int64_t>, double, const tensor::Tensor&,
                const tensor::Tensor&) {
  refuse();
}
void router(const Context&, const RouterArgs&) { refuse(); }
void scaled_add(const Context&, const ScaledAddArgs&) { refuse(); }
void sigmoid_blend(const Context&, const tensor::Tensor&, const tensor::Tensor&,
                   const tensor::Tensor&, const tensor::Tensor&) {
  refuse();
}
void sigmoid_mul(const Context&, const tensor::Tensor&, const tensor::Tensor&,
                 const tensor::Tensor&) {
  refuse();
}
void silu_mul(const Context&, const tensor::Tensor&, const tensor::Tensor&, const tensor::Tensor&) {
  refuse();
}
void softmax_attention(const Context&, const SoftmaxAttentionArgs&) { refuse(); }

}  // namespace minimax::ops::cuda
