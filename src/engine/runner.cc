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
constexpr std::int64_t kMaxTokens = 512;
constexpr std::int64_t kTokenStep = 64;  // whole tiles of the kernels
constexpr int kMaxThreads = 1024;

std::int64_t shared_size(const model::Model& model) {
  const tensor::Tensor& gate = model.weights.layers.front().moe.shared.gate;
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

void Runner::step(std::span<const std::int32_t> token_ids, model::SequenceState& state,
                  std::span<float> logits, const model::HiddenStateObserver& observe) {
  const auto tokens = static_cast<std::int64_t>(token_ids.size());
  const std::int64_t vocabulary = model_.config.vocab_size;
  const std::int64_t rows = static_cast<std::int64_t>(logits.size()) / vocabulary;
  base::check(1 <= tokens && tokens <= max_tokens_ && rows <= tokens, ErrorCode::kInvalidArgument,
              [&] {
                return fmt::format(
                    "step: expected 1 to {} tokens and at most as many rows, found {} and {}",
                    max_tokens_, tokens, rows);
              });
  std::vector<std::int32_t> output_rows(static_cast<std::size_t>(rows));
  std::iota(output_rows.begin(), output_rows.end(), static_cast<std::int32_t>(tokens - rows));
  const std::int64_t cu_seqlens[] = {0, tokens};
  model::SequenceState* const states[] = {&state};
  const model::Batch batch{.token_ids = token_ids,
                           .cu_seqlens = cu_seqlens,
                           .states = states,
                           .output_rows = output_rows};
  model::Activations activations =
      model::activations_for_inference(model_.config, shared_size(model_), tokens, activations_);
  model::forward(context_, model_, batch, activations,
                 tensor::Tensor(logits.data(), tensor::DType::kF32, {rows, vocabulary}), observe);
}

}  // namespace minimax::engine
