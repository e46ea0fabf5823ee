// SPDX-License-Identifier: Apache-2.0
#include "model/activations.h"

#include <algorithm>

#include "ops/grouped_matmul/grouped_matmul.h"
#include "ops/lightning_attention/lightning_attention.h"
#include "ops/matmul/matmul.h"
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

void plan_moe(const MiniMaxConfig& config, std::int64_t shared_size, std::int64_t tokens,
              Planner& planner, MoeActivations& moe) {
  const std::int64_t top_k = config.num_experts_per_tok;
  const std::int64_t rows = tokens * top_k;
  moe.router_logits = planner.take({tokens, config.num_local_experts});
  moe.expert_ids = planner.take({tokens, top_k}, DType::kI32);
  moe.expert_weights = planner.take({tokens, top_k});
  moe.offsets = planner.take({config.num_local_experts + 1}, DType::kI32);
  moe.pair_of_row = planner.take({rows}, DType::kI32);
  moe.row_of_pair = planner.take({rows}, DType::kI32);
  moe.inner = planner.take({rows, config.intermediate_size});
  moe.rows = planner.take({rows, config.hidden_size});
  if (shared_size > 0) {
    moe.shared_gate = planner.take({tokens, shared_size});
    moe.shared_up = planner.take({tokens, shared_size});
    moe.shared_out = planner.take({tokens, config.hidden_size});
    moe.coefficient = planner.take({tokens, 1});
  }
}

void plan_attention(const MiniMaxConfig& config, std::int64_t tokens, Planner& planner,
                    Activations& a) {
  const std::int64_t heads = config.num_attention_heads;
  const std::int64_t head_dim = config.head_dim;
  a.heads = planner.take({tokens, heads, head_dim});
  const std::int64_t mark = planner.mark();
  a.lightning.qkv = planner.take({tokens, heads, 3, head_dim});
  a.lightning.gate = planner.take({tokens, heads * head_dim});
  planner.rewind(mark);
  a.softmax.q = planner.take({tokens, heads, head_dim});
  a.softmax.k = planner.take({tokens, config.num_key_value_heads, head_dim});
  a.softmax.v = planner.take({tokens, config.num_key_value_heads, head_dim});
}

Activations plan(const MiniMaxConfig& config, std::int64_t shared_size, std::int64_t tokens,
                 Planner& planner) {
  Activations a;
  a.x = planner.take({tokens, config.hidden_size});
  a.residual = planner.take({tokens, config.hidden_size});
  a.branch = planner.take({tokens, config.hidden_size});
  a.cos = planner.take({tokens, config.rotary_dim / 2});
  a.sin = planner.take({tokens, config.rotary_dim / 2});
  const std::int64_t mark = planner.mark();
  plan_attention(config, tokens, planner, a);
  planner.rewind(mark);
  plan_moe(config, shared_size, tokens, planner, a.moe);
  return a;
}

}  // namespace

Activations activations_for_inference(const MiniMaxConfig& config, std::int64_t shared_size,
                                      std::int64_t tokens, tensor::Arena& arena) {
  arena.rewind(0);
  Planner planner(&arena);
  return plan(config, shared_size, tokens, planner);
}

std::int64_t activation_bytes(const MiniMaxConfig& config, std::int64_t shared_size,
                              std::int64_t tokens) {
  Planner planner(nullptr);
  plan(config, shared_size, tokens, planner);
  return planner.peak();
}

std::int64_t scratch_bytes(const MiniMaxConfig& config, std::int64_t shared_size,
                           std::int64_t tokens, int threads) {
  const std::int64_t rows = tokens * config.num_experts_per_tok;
  const std::int64_t widest =
      std::max({config.hidden_size, config.num_attention_heads * config.head_dim, shared_size});
  return std::max({ops::matmul_scratch_bytes(tokens, widest),
                   ops::grouped_matmul_scratch_bytes(rows, config.hidden_size),
                   ops::grouped_matmul_scratch_bytes(rows, config.intermediate_size),
                   ops::lightning_attention_scratch_bytes(threads, config.head_dim),
                   ops::softmax_attention_scratch_bytes(threads, config.head_dim)});
}

}  // namespace minimax::model
