// SPDX-License-Identifier: Apache-2.0
// The forward passes of generate(): prompts that are read, and single tokens that follow them.
// B: sequences, V: vocab_size.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/padding.h"
#include "engine/pretrained_model.h"

namespace minimax::engine {

/// Throws: Error{kInvalidArgument} naming the field with an id outside of the vocabulary.
void check_vocabulary(const GenerationConfig& config, std::int64_t vocab_size);

/// What all sequences of one call of generate() share. Everything must outlive the call.
struct GenerationCall {
  using Clock = std::chrono::steady_clock;

  MiniMaxPreTrainedModel::Impl& impl;
  const GenerationConfig& config;
  const GenerateOptions& options;
  Clock::time_point start = Clock::now();

  bool cancelled() const { return options.cancelled && options.cancelled(); }
  std::int64_t vocab_size() const { return impl.model.config.vocab_size; }
  double seconds() const;  ///< since the start
  bool is_late() const { return config.max_time && seconds() > *config.max_time; }
  /// Asks all criteria of the caller, as they may keep count of the tokens.
  bool is_stopped(std::span<const std::int32_t> ids, std::span<const float> scores) const;
  model::SequenceState new_state() const;
  /// The settings of output number `index` after `tokens` tokens: its own seed and limits.
  GenerationConfig config_of(std::int64_t tokens, std::int64_t index) const;
};

/// One row of the input without its padding: ids, or embeddings instead of them.
struct Prompt {
  std::vector<std::int32_t> ids;
  std::vector<float> embeddings;  // [tokens, hidden_size]
  std::int64_t tokens = 0;
};

/// Throws: Error{kInvalidArgument} naming the argument that does not fit.
std::vector<Prompt> prompts_of(const ModelInputs& inputs, const MiniMaxConfig& config);

using StatePointers = std::span<model::SequenceState* const>;

/// Reads the prompts and writes the logits that follow each one. Returns false where the caller
/// cancelled.
/// Shapes: states [B], logits [B, V].
bool read_prompts(const GenerationCall& call, std::span<const Prompt> prompts, StatePointers states,
                  std::span<float> logits);

/// Runs one more token of each sequence, all in one batch.
/// Shapes: tokens [B], states [B], logits [B, V].
void decode(const GenerationCall& call, std::span<const std::int32_t> tokens, StatePointers states,
            std::span<float> logits);

/// The same, with the next tokens chosen where the model runs. Requires: the runner can do so.
/// Shapes: tokens [B], states [B], plans [B], chosen [B].
void decode(const GenerationCall& call, std::span<const std::int32_t> tokens, StatePointers states,
            std::span<const ChoicePlan> plans, std::span<std::int32_t> chosen);

/// Row `index` of values with rows of `width`.
template <class T>
std::span<T> row_of(std::span<T> values, std::int64_t index, std::int64_t width) {
  return values.subspan(static_cast<std::size_t>(index * width), static_cast<std::size_t>(width));
}

}  // namespace minimax::engine
