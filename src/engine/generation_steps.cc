// SPDX-License-Identifier: Apache-2.0
#include "engine/generation_steps.h"

#include <fmt/format.h>

#include <numeric>

#include "base/check.h"

namespace minimax::engine {
namespace {

void check_ids(const char* field, const std::vector<std::int32_t>& ids, std::int64_t vocab_size) {
  for (const std::int32_t id : ids) {
    base::check(0 <= id && id < vocab_size, ErrorCode::kInvalidArgument, [&] {
      return fmt::format("{}: expected an id from 0 to {}, found {}", field, vocab_size - 1, id);
    });
  }
}

/// The arrays of a batch with one token of each sequence.
struct OneEach {
  explicit OneEach(std::size_t sequences) : cu_seqlens(sequences + 1), output_rows(sequences) {
    std::iota(cu_seqlens.begin(), cu_seqlens.end(), std::int64_t{0});
    std::iota(output_rows.begin(), output_rows.end(), 0);
  }

  std::vector<std::int64_t> cu_seqlens;
  std::vector<std::int32_t> output_rows;
};

}  // namespace

void check_vocabulary(const GenerationConfig& config, std::int64_t vocab_size) {
  check_ids("eos_token_id", config.eos_token_id, vocab_size);
  check_ids("suppress_tokens", config.suppress_tokens, vocab_size);
  check_ids("begin_suppress_tokens", config.begin_suppress_tokens, vocab_size);
  check_ids("dry_sequence_breakers", config.dry_sequence_breakers, vocab_size);
  for (const auto& [id, bias] : config.logit_bias) {
    check_ids("logit_bias", {id}, vocab_size);
  }
  for (const std::vector<std::int32_t>& word : config.bad_words_ids) {
    check_ids("bad_words_ids", word, vocab_size);
  }
}

double GenerationCall::seconds() const {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

bool GenerationCall::is_stopped(std::span<const std::int32_t> ids,
                                std::span<const float> scores) const {
  bool stopped = false;
  for (const StoppingCriteria& criterion : options.stopping_criteria) {
    stopped = criterion(ids, scores) || stopped;
  }
  return stopped;
}

model::SequenceState GenerationCall::new_state() const { return empty_sequence(impl.model); }

GenerationConfig GenerationCall::config_of(std::int64_t tokens, std::int64_t index) const {
  GenerationConfig own = config.for_prompt(tokens);
  own.seed += static_cast<std::uint64_t>(index);
  return own;
}

std::vector<Prompt> prompts_of(const ModelInputs& inputs, const MiniMaxConfig& config) {
  const Packing packing(inputs, config);
  std::vector<Prompt> prompts(static_cast<std::size_t>(packing.batch_size()));
  std::vector<std::int32_t> ids;
  std::vector<float> embeddings;
  if (inputs.input_ids.empty()) {
    embeddings = packing.pack(inputs.inputs_embeds, config.hidden_size);
  } else {
    ids = packing.pack(inputs.input_ids);
    check_token_ids(ids, config.vocab_size);
  }
  for (std::size_t row = 0; row < prompts.size(); ++row) {
    Prompt& prompt = prompts[row];
    prompt.tokens = packing.tokens_of(static_cast<std::int64_t>(row));
    const std::int64_t begin = packing.cu_seqlens()[row];
    const std::int64_t end = begin + prompt.tokens;
    if (!ids.empty()) {
      prompt.ids.assign(ids.begin() + begin, ids.begin() + end);
    } else {
      prompt.embeddings.assign(embeddings.begin() + begin * config.hidden_size,
                               embeddings.begin() + end * config.hidden_size);
    }
  }
  return prompts;
}

bool read_prompts(const GenerationCall& call, std::span<const Prompt> prompts, StatePointers states,
                  std::span<float> logits) {
  std::vector<std::int32_t> ids;
  std::vector<float> embeddings;
  std::vector<std::int64_t> cu_seqlens = {0};
  std::vector<std::int32_t> output_rows;
  for (const Prompt& prompt : prompts) {
    ids.insert(ids.end(), prompt.ids.begin(), prompt.ids.end());
    embeddings.insert(embeddings.end(), prompt.embeddings.begin(), prompt.embeddings.end());
    cu_seqlens.push_back(cu_seqlens.back() + prompt.tokens);
    output_rows.push_back(static_cast<std::int32_t>(cu_seqlens.back() - 1));
  }
  const auto report = [&](std::int64_t done) {
    if (call.options.on_prompt_progress && done > 0) {
      call.options.on_prompt_progress(done, cu_seqlens.back());
    }
  };
  const bool is_read = call.impl.runner.run({.token_ids = ids,
                                             .inputs_embeds = embeddings,
                                             .cu_seqlens = cu_seqlens,
                                             .states = states,
                                             .output_rows = output_rows},
                                            logits, {.goes_on = [&](std::int64_t done) {
                                              report(done);
                                              return !call.cancelled();
                                            }});
  if (is_read) {
    report(cu_seqlens.back());
  }
  return is_read;
}

void decode(const GenerationCall& call, std::span<const std::int32_t> tokens, StatePointers states,
            std::span<float> logits) {
  const OneEach one(tokens.size());
  call.impl.runner.run({.token_ids = tokens,
                        .cu_seqlens = one.cu_seqlens,
                        .states = states,
                        .output_rows = one.output_rows},
                       logits);
}

void decode(const GenerationCall& call, std::span<const std::int32_t> tokens, StatePointers states,
            std::span<const ChoicePlan> plans, std::span<std::int32_t> chosen) {
  const OneEach one(tokens.size());
  call.impl.runner.choose({.token_ids = tokens,
                           .cu_seqlens = one.cu_seqlens,
                           .states = states,
                           .output_rows = one.output_rows},
                          plans, chosen);
}

}  // namespace minimax::engine
