// SPDX-License-Identifier: Apache-2.0
#include "serving/budget.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/memory.h"
#include "cuda/device.h"

namespace minimax::serving {
namespace {

constexpr std::int64_t kPageTokens = model::KvLayout::kPageTokens;

void check_range(const char* option, std::int64_t least, std::int64_t found) {
  base::check(found >= least, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("{}: expected a number from {}, found {}", option, least, found);
  });
}

void check_options(const ServiceOptions& options) {
  check_range("max_running", 1, options.max_running);
  check_range("max_waiting", 1, options.max_waiting);
  check_range("max_context", 0, options.max_context);
  check_range("kv_bytes", 0, options.kv_bytes);
  check_range("state_bytes", 0, options.state_bytes);
  check_range("snapshot_bytes", 0, options.snapshot_bytes);
  check_range("snapshot_interval_tokens", 0, options.snapshot_interval_tokens);
  check_range("max_step_tokens", 0, options.max_step_tokens);
  check_range("chunk_tokens", 1, options.chunk_tokens);
  check_range("prompt_lookup_tokens", 0, options.prompt_lookup_tokens);
  check_range("draft_tokens", 1, options.draft_tokens);
  base::check(options.prefill_share > 0 && options.prefill_share < 1, ErrorCode::kInvalidArgument,
              [&] {
                return fmt::format("prefill_share: expected a number between 0 and 1, found {}",
                                   options.prefill_share);
              });
  base::check(options.most_patience_seconds >= 0, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("most_patience_seconds: expected a number from 0, found {}",
                       options.most_patience_seconds);
  });
  const bool drafts = options.prompt_lookup_tokens > 0 || options.draft_model != nullptr;
  base::check(
      !drafts || !options.batch_invariant, ErrorCode::kInvalidArgument,
      "batch_invariant: expected false with speculative decoding, which reads several tokens "
      "at once");
}

// The most tokens whose keys and values fit.
std::int64_t tokens_in(const model::StateSize& size, std::int64_t bytes, std::int64_t most) {
  if (size.bytes_per_token == 0 || size.kv_bytes(most) <= bytes) {
    return most;
  }
  return std::min(most, bytes / (size.bytes_per_token * kPageTokens) * kPageTokens);
}

}  // namespace

std::int64_t available_bytes(const model::Model& model) {
  return model.memory->is_host ? base::available_memory_bytes() : cuda::require_device().free_bytes;
}

Budget::Budget(const model::Model& model, const ServiceOptions& options)
    : size_(model::state_size(model.config, model.kv_dtype)), slots_(options.max_running) {
  check_options(options);
  if (options.state_bytes > 0 && size_.fixed_bytes > 0) {
    slots_ = std::min(slots_, options.state_bytes / size_.fixed_bytes);
  }
  base::check(slots_ > 0, ErrorCode::kOutOfMemory, [&] {
    return fmt::format("state_bytes: expected {} for the state of one sequence, found {}",
                       base::format_bytes(size_.fixed_bytes),
                       base::format_bytes(options.state_bytes));
  });
  std::int64_t most = model.config.max_position_embeddings;
  if (options.max_context > 0) {
    most = std::min(most, options.max_context);
  }
  const std::int64_t wanted = slots_ * size_.kv_bytes(most);
  kv_bytes_ =
      options.kv_bytes > 0 ? options.kv_bytes : std::min(wanted, available_bytes(model) / 2);
  context_tokens_ = tokens_in(size_, kv_bytes_, most);
  base::check(context_tokens_ > 1, ErrorCode::kOutOfMemory, [&] {
    return fmt::format("kv_bytes: expected {} or more for one page of keys and values, found {}",
                       base::format_bytes(page_bytes()), base::format_bytes(kv_bytes_));
  });
}

std::int64_t Budget::page_bytes() const { return size_.bytes_per_token * kPageTokens; }

std::int64_t Budget::kv_of_shared_prompt(std::int64_t prompt_tokens) const {
  // Behind a sliding window, every sequence uses its pages again, on its own.
  return size_.most_tokens > 0 ? 0 : kv_of(prompt_tokens / kPageTokens * kPageTokens);
}

std::int64_t Budget::kv_of_answer(std::int64_t prompt_tokens, std::int64_t tokens) const {
  return kv_of(tokens) - kv_of_shared_prompt(prompt_tokens);
}

void Budget::check(const Request& request, std::int64_t max_new_tokens) const {
  const auto prompt = static_cast<std::int64_t>(request.prompt.size());
  base::check(prompt <= context_tokens_, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("prompt: expected up to {} tokens, found {}", context_tokens_, prompt);
  });
  if (request.task == Task::kEmbed) {
    return;
  }
  base::check(max_new_tokens <= context_tokens_ - prompt, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("max_new_tokens: expected up to {} after a prompt of {} tokens, found {}",
                       context_tokens_ - prompt, prompt, max_new_tokens);
  });
  const std::int64_t answers = request.config.num_return_sequences;
  base::check(answers <= slots_, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("num_return_sequences: expected up to {}, found {}", slots_, answers);
  });
  const std::int64_t most =
      kv_of_shared_prompt(prompt) + answers * kv_of_answer(prompt, prompt + max_new_tokens);
  base::check(most <= kv_bytes_, ErrorCode::kInvalidArgument, [&] {
    return fmt::format(
        "num_return_sequences: {} answers of {} tokens may need {} for keys and values, there are "
        "{}",
        answers, max_new_tokens, base::format_bytes(most), base::format_bytes(kv_bytes_));
  });
}

}  // namespace minimax::serving
