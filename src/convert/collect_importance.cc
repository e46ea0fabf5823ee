// SPDX-License-Identifier: Apache-2.0
#include "convert/collect_importance.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "engine/pretrained_model.h"
#include "engine/runner.h"
#include "model/activations.h"
#include "model/context.h"
#include "model/loader.h"

namespace minimax::convert {
namespace {

struct Sums {
  std::vector<double> squares;  // [columns]
  std::int64_t rows = 0;

  void add(const float* row, std::int64_t columns) {
    squares.resize(static_cast<std::size_t>(columns), 0.0);
    for (std::size_t i = 0; i < squares.size(); ++i) {
      squares[i] += double{row[i]} * double{row[i]};
    }
    ++rows;
  }
};

class InputCollector : public model::ForwardObserver {
 public:
  explicit InputCollector(const MiniMaxConfig& config) : config_(config) {
    // Experts that are never chosen appear all the same.
    for (std::int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
      for (std::int64_t e = 0; e < config.num_local_experts; ++e) {
        expert(layer, e, "w1").squares.resize(static_cast<std::size_t>(config.hidden_size));
        expert(layer, e, "w2").squares.resize(static_cast<std::size_t>(config.intermediate_size));
      }
    }
  }

  void hidden_state(std::int64_t index, const tensor::Tensor& rows) override {
    if (index == config_.num_hidden_layers) {
      add_rows("lm_head.weight", rows, config_.hidden_size);
    }
  }

  void attention_inputs(std::int64_t layer, const tensor::Tensor& first,
                        const tensor::Tensor& last) override {
    const bool is_linear =
        config_.layer_types[static_cast<std::size_t>(layer)] == LayerType::kLinearAttention;
    const std::string prefix = fmt::format("model.layers.{}.self_attn.", layer);
    add_rows(prefix + (is_linear ? "qkv_proj.weight" : "q_proj.weight"), first,
             config_.hidden_size);
    add_rows(prefix + (is_linear ? "out_proj.weight" : "o_proj.weight"), last,
             config_.num_attention_heads * config_.head_dim);
  }

  void expert_inputs(std::int64_t layer, const tensor::Tensor& x,
                     const model::MoeActivations& moe) override {
    const auto* offsets = moe.offsets.data<std::int32_t>();
    const auto* pairs = moe.pair_of_row.data<std::int32_t>();
    const std::int64_t top_k = moe.expert_ids.shape()[1];
    for (std::int64_t e = 0; e < config_.num_local_experts; ++e) {
      Sums& first = expert(layer, e, "w1");
      Sums& second = expert(layer, e, "w2");
      for (std::int64_t row = offsets[e]; row < offsets[e + 1]; ++row) {
        first.add(x.data<float>() + pairs[row] / top_k * config_.hidden_size, config_.hidden_size);
        second.add(moe.inner.data<float>() + row * config_.intermediate_size,
                   config_.intermediate_size);
      }
    }
    if (!moe.shared_gate.empty()) {
      const std::string prefix = fmt::format("model.layers.{}.shared_mlp.", layer);
      add_rows(prefix + "gate_proj.weight", x, config_.hidden_size);
      add_rows(prefix + "down_proj.weight", moe.shared_gate, moe.shared_gate.shape()[1]);
    }
  }

  ImportanceMatrix matrix() const {
    ImportanceMatrix matrix;
    for (const auto& [name, sums] : sums_) {
      ImportanceMatrix::Input input{.mean_squares = {}, .rows = sums.rows};
      const double rows = static_cast<double>(std::max<std::int64_t>(sums.rows, 1));
      for (const double square : sums.squares) {
        input.mean_squares.push_back(static_cast<float>(square / rows));
      }
      matrix.set(name, std::move(input));
    }
    return matrix;
  }

 private:
  Sums& expert(std::int64_t layer, std::int64_t index, std::string_view part) {
    return sums_[fmt::format("model.layers.{}.block_sparse_moe.experts.{}.{}.weight", layer, index,
                             part)];
  }

  void add_rows(const std::string& name, const tensor::Tensor& rows, std::int64_t columns) {
    Sums& sums = sums_[name];
    for (std::int64_t row = 0; row < rows.elements() / columns; ++row) {
      sums.add(rows.data<float>() + row * columns, columns);
    }
  }

  const MiniMaxConfig& config_;
  std::map<std::string, Sums> sums_;
};

}  // namespace

ImportanceMatrix collect_importance(const std::filesystem::path& path,
                                    std::span<const std::int32_t> tokens,
                                    const CollectOptions& options) {
  const model::Model model = model::load_model(path, model::HeadKind::kLanguage, options.load);
  engine::check_token_ids(tokens, model.config.vocab_size);
  engine::Runner runner(model, options.load);
  InputCollector collector(model.config);
  const auto total = std::ssize(tokens);
  for (std::int64_t begin = 0; begin < total; begin += options.context) {
    if (options.on_progress) {
      options.on_progress(begin, total);
    }
    const std::int64_t count = std::min(options.context, total - begin);
    model::SequenceState state = engine::empty_sequence(model);
    model::SequenceState* states[] = {&state};
    const std::array<std::int64_t, 2> cu_seqlens = {0, count};
    const model::Batch batch{.token_ids = tokens.subspan(static_cast<std::size_t>(begin),
                                                         static_cast<std::size_t>(count)),
                             .cu_seqlens = cu_seqlens,
                             .states = states};
    runner.run(batch, {}, {.observer = &collector});
  }
  return collector.matrix();
}

}  // namespace minimax::convert
