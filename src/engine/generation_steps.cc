// SPDX-License-Identifier: Apache-2.0
#include "engine/generation_steps.h"

#include <algorithm>
#include <numeric>

namespace minimax::engine {
namespace {

// The tokens [begin, end) of a prompt.
struct Piece {
  std::size_t row;
  std::int64_t begin;
  std::int64_t end;
};

std::vector<Piece> cut(std::span<const Prompt> prompts, std::int64_t max_tokens) {
  std::vector<Piece> pieces;
  for (std::size_t row = 0; row < prompts.size(); ++row) {
    const std::int64_t tokens = prompts[row].tokens;
    for (std::int64_t begin = 0; begin < tokens; begin += max_tokens) {
      pieces.push_back({row, begin, std::min(begin + max_tokens, tokens)});
    }
  }
  return pieces;
}

// Pieces that run together: a batch and what its spans refer to.
class Group {
 public:
  Group(std::span<const Prompt> prompts, StatePointers states)
      : prompts_(prompts), states_(states) {}

  std::int64_t tokens() const { return cu_seqlens_.back(); }
  std::int64_t ended() const { return static_cast<std::int64_t>(output_rows_.size()); }

  void add(const Piece& piece) {
    const Prompt& prompt = prompts_[piece.row];
    append(prompt.ids, piece, 1, ids_);
    append(prompt.embeddings, piece,
           static_cast<std::int64_t>(prompt.embeddings.size()) / prompt.tokens, embeddings_);
    cu_seqlens_.push_back(tokens() + piece.end - piece.begin);
    of_group_.push_back(states_[piece.row]);
    if (piece.end == prompt.tokens) {
      output_rows_.push_back(static_cast<std::int32_t>(tokens() - 1));
    }
  }

  model::Batch batch() const {
    return {.token_ids = ids_,
            .inputs_embeds = embeddings_,
            .cu_seqlens = cu_seqlens_,
            .states = of_group_,
            .output_rows = output_rows_};
  }

 private:
  template <class T>
  static void append(const std::vector<T>& from, const Piece& piece, std::int64_t width,
                     std::vector<T>& to) {
    if (!from.empty()) {
      to.insert(to.end(), from.begin() + piece.begin * width, from.begin() + piece.end * width);
    }
  }

  std::span<const Prompt> prompts_;
  StatePointers states_;
  std::vector<std::int32_t> ids_;
  std::vector<float> embeddings_;
  std::vector<std::int64_t> cu_seqlens_ = {0};
  std::vector<model::SequenceState*> of_group_;
  std::vector<std::int32_t> output_rows_;
};

std::int64_t tokens_of(std::span<const Prompt> prompts) {
  return std::accumulate(
      prompts.begin(), prompts.end(), std::int64_t{0},
      [](std::int64_t sum, const Prompt& prompt) { return sum + prompt.tokens; });
}

}  // namespace

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

model::SequenceState GenerationCall::new_state() const {
  return {impl.model.config, impl.model.precision};
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
  const std::int64_t max_tokens = call.impl.runner.max_tokens();
  const std::int64_t total = tokens_of(prompts);
  const std::vector<Piece> pieces = cut(prompts, max_tokens);
  std::int64_t read = 0;
  for (auto piece = pieces.begin(); piece != pieces.end();) {
    if (call.cancelled()) {
      return false;
    }
    Group group(prompts, states);
    do {
      group.add(*piece++);
    } while (piece != pieces.end() && group.tokens() + piece->end - piece->begin <= max_tokens);
    const auto values = static_cast<std::size_t>(group.ended() * call.vocab_size());
    call.impl.runner.run(group.batch(), logits.first(values));
    logits = logits.subspan(values);
    read += group.tokens();
    if (call.options.on_prompt_progress) {
      call.options.on_prompt_progress(read, total);
    }
  }
  return true;
}

void decode(const GenerationCall& call, std::span<const std::int32_t> tokens, StatePointers states,
            std::span<float> logits) {
  std::vector<std::int64_t> cu_seqlens(tokens.size() + 1);
  std::iota(cu_seqlens.begin(), cu_seqlens.end(), std::int64_t{0});
  std::vector<std::int32_t> output_rows(tokens.size());
  std::iota(output_rows.begin(), output_rows.end(), 0);
  call.impl.runner.run(
      {.token_ids = tokens, .cu_seqlens = cu_seqlens, .states = states, .output_rows = output_rows},
      logits);
}

}  // namespace minimax::engine
