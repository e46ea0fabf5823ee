// SPDX-License-Identifier: Apache-2.0
#include "engine/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "base/check.h"
#include "cpu/processors.h"
#include "model/activations.h"
#include "model/minimax.h"

namespace minimax::engine {
namespace {

constexpr std::int64_t kWorkspaceBytes = 40LL << 20;
constexpr std::int64_t kMaxTokens = model::StateSize::kLongestStep;
constexpr std::int64_t kTokenStep = 64;  // whole tiles of the kernels
constexpr int kMaxThreads = 1024;

std::int64_t shared_size(const model::Model& model) {
  const quant::Matrix& gate = model.weights.layers.front().moe.shared.gate;
  return gate.empty() ? 0 : gate.shape()[0];
}

std::int64_t workspace_bytes(const model::Model& model, std::int64_t tokens, int threads) {
  const std::int64_t shared = shared_size(model);
  return model::activation_bytes(model.config, shared, tokens) +
         model::scratch_bytes(model.config, shared, tokens, threads);
}

std::int64_t choose_max_tokens(const model::Model& model, int threads) {
  std::int64_t tokens = kMaxTokens;
  while (tokens > kTokenStep && workspace_bytes(model, tokens, threads) > kWorkspaceBytes) {
    tokens -= kTokenStep;
  }
  return tokens;
}

int choose_threads(const LoadOptions& options) {
  base::check(
      0 <= options.threads && options.threads <= kMaxThreads, ErrorCode::kInvalidArgument, [&] {
        return fmt::format("threads: expected a number from 1 to {}, or 0 for all, found {}",
                           kMaxThreads, options.threads);
      });
  return options.threads > 0 ? options.threads : cpu::available_processors();
}

cpu::Isa choose_isa(const LoadOptions& options) {
  const cpu::Isa widest = cpu::detect_isa();
  if (options.isa.empty()) {
    return widest;
  }
  const auto isa = cpu::isa_from_name(options.isa);
  base::check(isa.has_value(), ErrorCode::kInvalidArgument, [&] {
    return fmt::format("isa: expected scalar, avx2 or avx512, found \"{}\"", options.isa);
  });
  base::check(*isa <= widest, ErrorCode::kDevice, [&] {
    return fmt::format("isa: this machine runs up to {}, asked for {}", cpu::isa_name(widest),
                       options.isa);
  });
  return *isa;
}

template <class T>
std::span<T> part_of(std::span<T> values, std::int64_t begin, std::int64_t end,
                     std::int64_t width = 1) {
  return values.empty() ? values
                        : values.subspan(static_cast<std::size_t>(begin * width),
                                         static_cast<std::size_t>((end - begin) * width));
}

/// The tokens [begin, end) of a batch, as a batch of their own.
class Piece {
 public:
  Piece(const model::Batch& whole, std::int64_t begin, std::int64_t end) : batch_(whole) {
    const auto starts = whole.cu_seqlens;
    const auto first = std::upper_bound(starts.begin(), starts.end(), begin) - 1;
    const auto last = std::lower_bound(first, starts.end(), end);
    for (auto start = first; start <= last; ++start) {
      cu_seqlens_.push_back(std::clamp(*start, begin, end) - begin);
    }
    const auto rows = whole.output_rows;
    for (auto row = std::lower_bound(rows.begin(), rows.end(), begin);
         row != rows.end() && *row < end; ++row) {
      output_rows_.push_back(static_cast<std::int32_t>(*row - begin));
    }
    batch_.token_ids = part_of(whole.token_ids, begin, end);
    batch_.inputs_embeds =
        part_of(whole.inputs_embeds, begin, end,
                static_cast<std::int64_t>(whole.inputs_embeds.size()) / whole.tokens());
    batch_.position_ids = part_of(whole.position_ids, begin, end);
    batch_.cu_seqlens = cu_seqlens_;
    batch_.states = part_of(whole.states, first - starts.begin(), last - starts.begin());
    batch_.output_rows = output_rows_;
    batch_.first_sequence += first - starts.begin();
  }
  Piece(const Piece&) = delete;
  Piece& operator=(const Piece&) = delete;
  ~Piece() = default;

  const model::Batch& batch() const { return batch_; }

 private:
  model::Batch batch_;
  std::vector<std::int64_t> cu_seqlens_;
  std::vector<std::int32_t> output_rows_;
};

}  // namespace

Runner::Runner(const model::Model& model, const LoadOptions& options) : model_(model) {
  const int threads = choose_threads(options);
  const cpu::Isa isa = choose_isa(options);
  const std::int64_t shared = shared_size(model);
  max_tokens_ = choose_max_tokens(model, threads);
  activations_ = tensor::Arena(model::activation_bytes(model.config, shared, max_tokens_));
  scratch_ = tensor::Arena(model::scratch_bytes(model.config, shared, max_tokens_, threads));
  if (options.device == Device::kCpu) {
    pool_ = std::make_unique<cpu::ThreadPool>(threads);
  }
  is_eager_ = options.attn_implementation == AttnImplementation::kEager;
  context_.device = options.device;
  context_.isa = isa;
  context_.pool = pool_.get();
  context_.scratch = &scratch_;
  context_.precision = model.precision;
}

int Runner::threads() const { return pool_ ? pool_->threads() : 1; }

std::int64_t Runner::workspace_bytes() const {
  return activations_.capacity() + scratch_.capacity();
}

void Runner::step(const model::Batch& batch, std::span<float> logits) {
  model::Activations activations = model::activations_for_inference(
      model_.config, shared_size(model_), batch.tokens(), activations_);
  const auto rows = static_cast<std::int64_t>(batch.output_rows.size());
  const std::int64_t columns = rows > 0 ? model_.weights.head.weight.shape()[0] : 0;
  model::forward(context_, model_, batch, activations,
                 tensor::Tensor(logits.data(), tensor::DType::kF32, {rows, columns}));
}

// The tokens [begin, end) of a step: a part of one long sequence, or as many sequences as fit whole
// behind the end of the first.
std::int64_t Runner::end_of_step(const model::Batch& batch, std::int64_t begin) const {
  const auto starts = batch.cu_seqlens;
  auto next = std::upper_bound(starts.begin(), starts.end(), begin);
  const std::int64_t limit = begin + max_tokens_;
  if (*next > limit) {
    return limit;
  }
  while (next + 1 != starts.end() && next[1] <= limit) {
    ++next;
  }
  return *next;
}

bool Runner::run(const model::Batch& batch, std::span<float> logits, const RunOptions& options) {
  context_.keeps_attention_weights = is_eager_ || options.keeps_attention_weights;
  context_.observer = options.observer;
  context_.noise = options.noise;
  const std::int64_t columns =
      batch.output_rows.empty() ? 0 : model_.weights.head.weight.shape()[0];
  std::size_t rows_done = 0;
  std::int64_t end = 0;
  for (std::int64_t begin = 0; begin < batch.tokens(); begin = end) {
    if (options.goes_on && !options.goes_on(begin)) {
      return false;
    }
    end = end_of_step(batch, begin);
    const Piece piece(batch, begin, end);
    const std::size_t rows = piece.batch().output_rows.size();
    step(piece.batch(), logits.subspan(rows_done * static_cast<std::size_t>(columns),
                                       rows * static_cast<std::size_t>(columns)));
    rows_done += rows;
  }
  return true;
}

void Runner::run(std::span<const std::int32_t> token_ids, model::SequenceState& state,
                 std::span<float> logits) {
  const auto tokens = static_cast<std::int64_t>(token_ids.size());
  const std::int64_t rows =
      static_cast<std::int64_t>(logits.size()) / model_.weights.head.weight.shape()[0];
  std::vector<std::int32_t> output_rows(static_cast<std::size_t>(rows));
  std::iota(output_rows.begin(), output_rows.end(), static_cast<std::int32_t>(tokens - rows));
  const std::int64_t cu_seqlens[] = {0, tokens};
  model::SequenceState* const states[] = {&state};
  run({.token_ids = token_ids,
       .cu_seqlens = cu_seqlens,
       .states = states,
       .output_rows = output_rows},
      logits);
}

}  // namespace minimax::engine
