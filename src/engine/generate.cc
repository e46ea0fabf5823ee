// SPDX-License-Identifier: Apache-2.0
// generate() of the public model: checks the request and picks the way to choose tokens.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/memory.h"
#include "engine/generation_modes.h"

namespace minimax {
namespace {

/// `tokens` are the most that one of the sequences reads and generates.
void check_state_memory(const MiniMaxPreTrainedModel::Impl& impl, std::int64_t sequences,
                        std::int64_t tokens) {
  const model::StateSize size = model::state_size(impl.model.config, impl.model.kv_dtype);
  const std::int64_t needed = size.kv_bytes(tokens);
  const std::int64_t available = base::available_memory_bytes();
  base::check(needed <= available, ErrorCode::kOutOfMemory, [&] {
    return fmt::format(
        "{} more tokens need {} for keys and values ({} bytes each), {} are available: ask for "
        "fewer tokens",
        tokens, base::format_bytes(needed), size.bytes_per_token, base::format_bytes(available));
  });
  // Beams have sums beside their logits.
  const std::int64_t logits =
      2 * impl.model.config.vocab_size * static_cast<std::int64_t>(sizeof(float));
  const std::int64_t each = needed + size.fixed_bytes + logits;
  base::check(sequences == 1 || each <= available / sequences, ErrorCode::kOutOfMemory, [&] {
    return fmt::format(
        "{} sequences of up to {} tokens need {} each, {} are available: ask for fewer at a time",
        sequences, tokens, base::format_bytes(each), base::format_bytes(available));
  });
}

void check_options(const GenerationConfig& config, const GenerateOptions& options,
                   std::int64_t sequences) {
  const bool has_text = options.on_text || options.on_batch_text || !config.stop_strings.empty();
  base::check(options.tokenizer != nullptr || !has_text, ErrorCode::kInvalidArgument,
              "tokenizer: expected one with stop_strings, on_text or on_batch_text, found none");
  base::check(options.state == nullptr || sequences == 1, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("state: expected one sequence to continue it, found {}", sequences);
  });
  base::check((!options.on_token && !options.on_text) || sequences == 1,
              ErrorCode::kInvalidArgument, [&] {
                return fmt::format("{}: expected one sequence, found {}: {} tells them apart",
                                   options.on_token ? "on_token" : "on_text", sequences,
                                   options.on_token ? "on_batch_token" : "on_batch_text");
              });
}

void check_beams(const GenerateOptions& options) {
  const auto refuse = [](bool given, const char* option) {
    base::check(!given, ErrorCode::kInvalidArgument, [&] {
      return fmt::format("{}: expected none with num_beams above 1, found one", option);
    });
  };
  refuse(options.state != nullptr, "state");
  refuse(static_cast<bool>(options.on_token), "on_token");
  refuse(static_cast<bool>(options.on_text), "on_text");
  refuse(static_cast<bool>(options.on_batch_token), "on_batch_token");
  refuse(static_cast<bool>(options.on_batch_text), "on_batch_text");
}

void check_assistant(const MiniMaxConfig& config, const GenerationConfig& generation,
                     const ModelInputs& inputs, const MiniMaxConfig& assistant) {
  base::check(!inputs.input_ids.empty(), ErrorCode::kInvalidArgument,
              "input_ids: expected with assistant_model, which cannot read inputs_embeds");
  base::check(assistant.vocab_size == config.vocab_size, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("assistant_model: expected the vocabulary of the model, {} ids, found {}",
                       config.vocab_size, assistant.vocab_size);
  });
  base::check(generation.num_beams == 1, ErrorCode::kInvalidArgument,
              "assistant_model: expected none with num_beams above 1, found one");
  base::check(generation.prompt_lookup_num_tokens == 0, ErrorCode::kInvalidArgument,
              "assistant_model: expected none with prompt_lookup_num_tokens, found one");
}

void check_inputs(const ModelInputs& inputs) {
  base::check(!inputs.input_ids.empty() || !inputs.inputs_embeds.empty(),
              ErrorCode::kInvalidArgument, "input_ids: expected at least one token, found none");
  base::check(inputs.position_ids.empty(), ErrorCode::kInvalidArgument,
              "position_ids: not an argument of generate, which counts positions itself");
}

void check_memory(const MiniMaxPreTrainedModel::Impl& impl, const GenerationConfig& config,
                  std::span<const engine::Prompt> prompts, std::int64_t past) {
  constexpr std::int64_t kMostTokens = 1LL << 40;
  std::int64_t most = 0;
  for (const engine::Prompt& prompt : prompts) {
    const GenerationConfig bounded = config.for_prompt(past + prompt.tokens);
    most = std::max(most, prompt.tokens + std::min(bounded.max_new_tokens.value(), kMostTokens));
  }
  check_state_memory(impl,
                     static_cast<std::int64_t>(prompts.size()) *
                         std::max(config.num_return_sequences, config.num_beams),
                     most);
}

}  // namespace

const char* finish_reason_name(FinishReason reason) {
  switch (reason) {
    case FinishReason::kEndOfSequence:
    case FinishReason::kStopString:
    case FinishReason::kStoppingCriteria:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kTime:
      return "time";
    case FinishReason::kCancelled:
      break;
  }
  return "cancelled";
}

std::vector<GenerateOutput> MiniMaxForCausalLM::generate(const ModelInputs& inputs,
                                                         const GenerationConfig& config,
                                                         const GenerateOptions& options) {
  config.validate();
  check_inputs(inputs);
  engine::check_vocabulary(config, this->config().vocab_size);
  const engine::GenerationCall call{.impl = impl(), .config = config, .options = options};
  const std::vector<engine::Prompt> prompts = engine::prompts_of(inputs, this->config());
  if (config.num_beams > 1) {
    check_beams(options);
  }
  Impl* assistant = nullptr;
  if (options.assistant_model != nullptr) {
    assistant = &options.assistant_model->impl();
    check_assistant(this->config(), config, inputs, options.assistant_model->config());
  }
  check_options(config, options,
                static_cast<std::int64_t>(prompts.size()) * config.num_return_sequences);
  model::SequenceState* state =
      options.state != nullptr ? &options.state->impl().sequence : nullptr;
  const std::int64_t past = state != nullptr ? state->length() : 0;
  check_memory(impl(), config, prompts, past);
  if (assistant != nullptr) {
    check_memory(*assistant, config, prompts, past);
  }
  if (config.num_beams > 1) {
    return engine::generate_with_beams(call, prompts);
  }
  if (assistant != nullptr || config.prompt_lookup_num_tokens > 0) {
    return engine::generate_assisted(call, prompts, assistant, state);
  }
  return engine::generate_token_by_token(call, prompts, state);
}

GenerateOutput MiniMaxForCausalLM::generate(std::span<const std::int32_t> input_ids,
                                            const GenerationConfig& config,
                                            const GenerateOptions& options) {
  base::check(config.num_return_sequences <= 1, ErrorCode::kInvalidArgument, [&] {
    return fmt::format(
        "num_return_sequences: expected 1 for a span of ids, found {}: ModelInputs returns all",
        config.num_return_sequences);
  });
  return std::move(generate(ModelInputs(input_ids), config, options).front());
}

GenerateOutput MiniMaxForCausalLM::generate(const std::vector<std::int32_t>& input_ids,
                                            const GenerationConfig& config,
                                            const GenerateOptions& options) {
  return generate(std::span(input_ids), config, options);
}

}  // namespace minimax
