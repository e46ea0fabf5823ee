// SPDX-License-Identifier: Apache-2.0
#include "model/activations.h"

#include <algorithm>

#include "ops/choose_tokens/choose_tokens.h"
#include "ops/grouped_matmul/grouped_matmul.h"
#include "ops/lightning_attention/lightning_attention.h"
#include "ops/matmul/matmul.h"
#include "ops/routed_experts/routed_experts.h"
#include "ops/softmax_attention/softmax_attention.h"

namespace minimax::model {
namespace {

using tensor::DType;
using tensor::Shape;
using tensor::Tensor;

/// Hands out tensors, or only counts their bytes, so that one description serves both.
class Planner {
 public:
  explicit Planner(tensor::Arena* arena) : arena_(arena) {}

  Tensor take(const Shape& shape, DType dtype = DType::kF32) {
    used_ += tensor::Arena::footprint(dtype, shape);
    peak_ = std::max(peak_, used_);
    return arena_ != nullptr ? arena_->allocate(dtype, shape) : Tensor();
  }

  std::int64_t mark() const { return used_; }
  void rewind(std::int64_t mark) {
    used_ = mark;
    if (arena_ != nullptr) {
      arena_->rewind(mark);
    }
  }
  std::int64_t peak() const { return peak_; }

 private:
  tensor::Arena* arena_;
  std::int64_t used_ = 0;
  std::int64_t peak_ = 0;
};

void plan_moe(const ActivationPlan& sizes, Planner& planner, MoeActivations& moe) {
  const MiniMaxConfig& config = sizes.config;
  const std::int64_t tokens = sizes.tokens;
  const std::int64_t top_k = config.num_experts_per_tok;
  const std::int64_t rows = tokens * top_k;
  moe.router_logits = planner.take({tokens, config.num_local_experts});
  moe.expert_ids = planner.take({tokens, top_k}, DType::kI32);
  moe.expert_weights = planner.take({tokens, top_k});
  moe.offsets = planner.take({config.num_local_experts + 1}, DType::kI32);
  moe.pair_of_row = planner.take({rows}, DType::kI32);
  moe.row_of_pair = planner.take({rows}, DType::kI32);
  moe.inner = planner.take({rows, config.intermediate_size}, sizes.dtype);
  moe.rows = planner.take({rows, config.hidden_size}, sizes.dtype);
  if (sizes.shared_size > 0) {
    moe.shared_gate = planner.take({tokens, sizes.shared_size}, sizes.dtype);
    moe.shared_up = planner.take({tokens, sizes.shared_size}, sizes.dtype);
    moe.shared_out = planner.take({tokens, config.hidden_size}, sizes.dtype);
    moe.coefficient = planner.take({tokens, 1});
  }
}

void plan_attention(const ActivationPlan& sizes, Planner& planner, Activations& a) {
  const std::int64_t tokens = sizes.tokens;
  const std::int64_t heads = sizes.config.num_attention_heads;
  const std::int64_t kv_heads = sizes.config.num_key_value_heads;
  const std::int64_t head_dim = sizes.config.head_dim;
  a.heads = planner.take({tokens, heads, head_dim}, sizes.dtype);
  const std::int64_t mark = planner.mark();
  a.lightning.qkv = planner.take({tokens, heads, 3, head_dim}, sizes.dtype);
  a.lightning.gate = planner.take({tokens, heads * head_dim}, sizes.dtype);
  planner.rewind(mark);
  a.softmax.q = planner.take({tokens, heads, head_dim}, sizes.dtype);
  a.softmax.k = planner.take({tokens, kv_heads, head_dim}, sizes.dtype);
  a.softmax.v = planner.take({tokens, kv_heads, head_dim}, sizes.dtype);
}

Activations plan(const ActivationPlan& sizes, Planner& planner) {
  const std::int64_t width = sizes.config.hidden_size;
  const std::int64_t pairs = sizes.config.rotary_dim / 2;
  Activations a;
  a.x = planner.take({sizes.tokens, width});
  a.residual = planner.take({sizes.tokens, width}, sizes.dtype);
  a.branch = planner.take({sizes.tokens, width}, sizes.dtype);
  a.cos = planner.take({sizes.tokens, pairs});
  a.sin = planner.take({sizes.tokens, pairs});
  const std::int64_t mark = planner.mark();
  plan_attention(sizes, planner, a);
  planner.rewind(mark);
  plan_moe(sizes, planner, a.moe);
  return a;
}

}  // namespace

Activations activations_for_inference(const ActivationPlan& sizes, tensor::Arena& arena) {
  arena.rewind(0);
  Planner planner(&arena);
  return plan(sizes, planner);
}

std::int64_t activation_bytes(const ActivationPlan& sizes) {
  Planner planner(nullptr);
  plan(sizes, planner);
  return planner.peak();
}

std::int64_t scratch_bytes(const ActivationPlan& sizes, Device device, int threads) {
  const MiniMaxConfig& config = sizes.config;
  const std::int64_t widest = std::max(
      {config.hidden_size, config.num_attention_heads * config.head_dim, sizes.shared_size});
  const std::int64_t projections = ops::matmul_scratch_bytes(device, sizes.tokens, widest);
  const std::int64_t rows = sizes.tokens * config.num_experts_per_tok;
  const std::int64_t experts =
      std::max(ops::grouped_matmul_scratch_bytes(device, rows, config.hidden_size),
               ops::grouped_matmul_scratch_bytes(device, rows, config.intermediate_size));
  if (device == Device::kCuda) {
    const std::int64_t decoded =
        ops::routed_experts_scratch_bytes(config.hidden_size, config.intermediate_size);
    return std::max({projections, experts + decoded, ops::kSoftmaxGpuScratchBytes,
                     ops::choose_tokens_scratch_bytes(sizes.tokens)});
  }
  return std::max({projections, experts,
                   ops::lightning_attention_scratch_bytes(threads, config.head_dim),
                   ops::softmax_attention_scratch_bytes(threads, config.head_dim)});
}

}  // namespace minimax::model
