// SPDX-License-Identifier: Apache-2.0
// What the models take: rows of tokens, and what to return for them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "minimax/state.h"

namespace minimax {

/// A label that is left out of a loss.
inline constexpr std::int32_t kIgnoredLabel = -100;

/// B rows of T tokens each, row after row: B is batch_size, T follows. The spans must live until
/// the call returns. Padding costs nothing: rows are cut to their true lengths first.
struct ModelInputs {
  ModelInputs() = default;
  /// One row. Implicit, so that a sequence of ids can be passed as it is.
  ModelInputs(std::span<const std::int32_t> ids) : input_ids(ids) {}
  ModelInputs(const std::vector<std::int32_t>& ids) : input_ids(ids) {}

  std::int64_t batch_size = 1;
  std::span<const std::int32_t> input_ids = {};  ///< [B, T]
  std::span<const float> inputs_embeds = {};     ///< [B, T, hidden_size], instead of input_ids
  /// [B, T]: 1 for tokens, 0 for padding, which stands at the left or the right of a row. Columns
  /// of earlier tokens in front of these T are ignored. Empty: no padding.
  std::span<const std::int32_t> attention_mask = {};
  /// [B, T]: the positions of rotary embeddings. Empty: from the length of the state on, padding
  /// not counted.
  std::span<const std::int64_t> position_ids = {};
};

enum class PaddingSide { kLeft, kRight };

/// Rows of ids filled up to one length.
struct BatchEncoding {
  std::int64_t batch_size = 0;
  std::vector<std::int32_t> input_ids;       ///< [B, T]
  std::vector<std::int32_t> attention_mask;  ///< [B, T]

  /// The rows as the models take them. The encoding must outlive them.
  ModelInputs inputs() const&;
  ModelInputs inputs() && = delete;
};

/// Fills rows up to the length of the longest with `pad_token_id`.
/// Throws: Error{kInvalidArgument} for no rows, or an empty one.
BatchEncoding pad(std::span<const std::vector<std::int32_t>> rows, PaddingSide side,
                  std::int32_t pad_token_id = 0);

/// Fields carry the names and meanings of the arguments of transformers' forward().
struct ForwardOptions {
  /// One state for each row, continued and advanced. Empty: from empty states.
  std::span<State> past_key_values = {};
  bool use_cache = false;  ///< fills past_key_values of the output, where none were passed

  std::int64_t logits_to_keep = 0;  ///< columns of logits wanted, from the end; 0: all
  bool output_hidden_states = false;
  bool output_attentions = false;
  std::optional<bool> output_router_logits = {};  ///< unset: as the configuration says

  /// With labels, the output has a loss. [B, T], or [B] for classes of sequences.
  std::span<const std::int32_t> labels = {};
  /// Of sequences, for regression and several labels at once: [B, num_labels].
  std::span<const float> float_labels = {};
  /// Of answers, for MiniMaxForQuestionAnswering: [B] each.
  std::span<const std::int64_t> start_positions = {};
  std::span<const std::int64_t> end_positions = {};

  /// With router jitter and dropout as the configuration says, as model.train() has them.
  bool training = false;
  std::uint64_t seed = 0;  ///< of that noise: the same seed gives the same noise
};

}  // namespace minimax
