// SPDX-License-Identifier: Apache-2.0
// Prompt in, tokens out: the loop of forward passes, sampling and text.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/memory.h"
#include "engine/logits_warpers.h"
#include "engine/pretrained_model.h"
#include "engine/sampler.h"
#include "engine/text_stream.h"

namespace minimax {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

bool contains(const std::vector<std::int32_t>& ids, std::int32_t id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

/// One call of generate().
class Generation {
 public:
  Generation(MiniMaxPreTrainedModel::Impl& impl, const GenerationConfig& config,
             const GenerateOptions& options, model::SequenceState& state)
      : impl_(impl),
        config_(config),
        options_(options),
        state_(state),
        sampler_(config, impl.model.suppressed_tokens, options.logits_processor),
        logits_(static_cast<std::size_t>(impl.model.config.vocab_size)) {
    if (options.tokenizer != nullptr) {
      text_.emplace(*options.tokenizer, config.stop_strings);
    }
  }

  GenerateOutput run(std::span<const std::int32_t> input_ids) {
    history_.assign(input_ids.begin(), input_ids.end());
    output_.prompt_tokens = static_cast<std::int64_t>(input_ids.size());
    const Clock::time_point start = Clock::now();
    if (read_prompt(input_ids)) {
      generate(start);
    } else {
      output_.finish_reason = FinishReason::kCancelled;
    }
    if (text_) {
      emit(text_->finish());
    }
    return std::move(output_);
  }

 private:
  bool cancelled() const { return options_.cancelled && options_.cancelled(); }

  // False where the caller cancelled.
  bool read_prompt(std::span<const std::int32_t> ids) {
    const auto step = static_cast<std::size_t>(impl_.runner.max_tokens());
    for (std::size_t begin = 0; begin < ids.size(); begin += step) {
      if (cancelled()) {
        return false;
      }
      const std::size_t count = std::min(step, ids.size() - begin);
      const bool is_last = begin + count == ids.size();
      impl_.runner.run(ids.subspan(begin, count), state_,
                       is_last ? std::span<float>(logits_) : std::span<float>());
      if (options_.on_prompt_progress) {
        options_.on_prompt_progress(static_cast<std::int64_t>(begin + count),
                                    static_cast<std::int64_t>(ids.size()));
      }
    }
    return true;
  }

  void generate(Clock::time_point start) {
    Clock::time_point first_token = start;
    while (new_tokens() < config_.max_new_tokens.value()) {
      if (!output_.tokens.empty()) {
        impl_.runner.run(std::span(&output_.tokens.back(), 1), state_, logits_);
      }
      const std::int32_t token = choose();
      if (output_.tokens.empty()) {
        output_.prompt_seconds = seconds_since(start);
        first_token = Clock::now();
      }
      if (accept(token)) {
        break;
      }
    }
    if (output_.tokens.empty()) {
      output_.prompt_seconds = seconds_since(start);
    } else {
      output_.generate_seconds = seconds_since(first_token);
    }
  }

  std::int32_t choose() {
    const std::int32_t token = sampler_.sample(logits_, history_, new_tokens());
    if (config_.output_scores) {
      const float score = logits_[static_cast<std::size_t>(token)];
      output_.scores.push_back(score);
      output_.logprobs.push_back(static_cast<float>(double{score} - engine::log_sum_exp(logits_)));
    }
    return token;
  }

  std::int64_t new_tokens() const { return static_cast<std::int64_t>(output_.tokens.size()); }

  // Takes a token into the answer; true where the answer ends with it.
  bool accept(std::int32_t token) {
    output_.tokens.push_back(token);
    history_.push_back(token);
    const bool is_end = contains(config_.eos_token_id, token);
    if (text_ && !is_end) {
      emit(text_->push(token));
    }
    const bool wants_more = !options_.on_token || options_.on_token(token);
    if (is_end) {
      output_.finish_reason = FinishReason::kEndOfSequence;
    } else if (text_ && text_->stopped()) {
      output_.finish_reason = FinishReason::kStopString;
    } else if (!wants_more || cancelled()) {
      output_.finish_reason = FinishReason::kCancelled;
    } else {
      return false;
    }
    return true;
  }

  void emit(const std::string& text) {
    output_.text += text;
    if (options_.on_text && !text.empty()) {
      options_.on_text(text);
    }
  }

  MiniMaxPreTrainedModel::Impl& impl_;
  const GenerationConfig& config_;
  const GenerateOptions& options_;
  model::SequenceState& state_;
  engine::Sampler sampler_;
  std::vector<float> logits_;
  std::optional<engine::TextStream> text_;
  std::vector<std::int32_t> history_;
  GenerateOutput output_;
};

void check_state_memory(const MiniMaxPreTrainedModel::Impl& impl, std::int64_t tokens) {
  const model::StateSize size = model::state_size(impl.model.config, impl.model.precision);
  const std::int64_t needed = size.kv_bytes(tokens);
  const std::int64_t available = base::available_memory_bytes();
  base::check(needed <= available, ErrorCode::kOutOfMemory, [&] {
    return fmt::format(
        "{} more tokens need {} for keys and values ({} bytes each), {} are available: ask for "
        "fewer tokens",
        tokens, base::format_bytes(needed), size.bytes_per_token, base::format_bytes(available));
  });
}

void check_ids(const char* field, const std::vector<std::int32_t>& ids, std::int64_t vocab_size) {
  for (const std::int32_t id : ids) {
    base::check(0 <= id && id < vocab_size, ErrorCode::kInvalidArgument, [&] {
      return fmt::format("{}: expected an id from 0 to {}, found {}", field, vocab_size - 1, id);
    });
  }
}

/// `config` is one that for_prompt() made.
void check_request(const MiniMaxPreTrainedModel::Impl& impl,
                   std::span<const std::int32_t> input_ids, const GenerationConfig& config,
                   const GenerateOptions& options) {
  engine::check_token_ids(input_ids, impl.model.config.vocab_size);
  base::check(options.tokenizer != nullptr || (config.stop_strings.empty() && !options.on_text),
              ErrorCode::kInvalidArgument,
              "tokenizer: expected one with stop_strings or on_text, found none");
  check_ids("eos_token_id", config.eos_token_id, impl.model.config.vocab_size);
  check_ids("suppress_tokens", config.suppress_tokens, impl.model.config.vocab_size);
  check_ids("begin_suppress_tokens", config.begin_suppress_tokens, impl.model.config.vocab_size);
  for (const std::vector<std::int32_t>& word : config.bad_words_ids) {
    check_ids("bad_words_ids", word, impl.model.config.vocab_size);
  }
  constexpr std::int64_t kMostTokens = 1LL << 40;
  check_state_memory(impl, static_cast<std::int64_t>(input_ids.size()) +
                               std::min(config.max_new_tokens.value(), kMostTokens));
}

}  // namespace

const char* finish_reason_name(FinishReason reason) {
  switch (reason) {
    case FinishReason::kEndOfSequence:
    case FinishReason::kStopString:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kCancelled:
      break;
  }
  return "cancelled";
}

GenerateOutput MiniMaxForCausalLM::generate(std::span<const std::int32_t> input_ids,
                                            const GenerationConfig& config,
                                            const GenerateOptions& options) {
  const std::int64_t past = options.state != nullptr ? options.state->length() : 0;
  config.validate();
  const GenerationConfig bounded =
      config.for_prompt(past + static_cast<std::int64_t>(input_ids.size()));
  check_request(impl(), input_ids, bounded, options);
  State fresh = new_state();
  State& state = options.state != nullptr ? *options.state : fresh;
  return Generation(impl(), bounded, options, state.impl().sequence).run(input_ids);
}

}  // namespace minimax
