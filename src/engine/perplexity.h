// SPDX-License-Identifier: Apache-2.0
// Judges a model by the text that it predicts, alone or against a base.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "engine/divergence.h"
#include "engine/text_windows.h"
#include "minimax/model.h"

namespace minimax::engine {

/// Where the logits of a base come from, window after window and piece after piece.
class BaseLogits {
 public:
  BaseLogits() = default;
  BaseLogits(const BaseLogits&) = delete;
  BaseLogits& operator=(const BaseLogits&) = delete;
  virtual ~BaseLogits() = default;

  /// The next tokens belong to a new window.
  virtual void begin_window() = 0;
  /// Reads the next tokens and returns the logits of the last `rows` of them. [rows, V]
  virtual std::vector<float> read(std::span<const std::int32_t> tokens, std::int64_t rows) = 0;
};

/// Those that a model computes.
class ModelLogits : public BaseLogits {
 public:
  /// `model` must outlive this object.
  explicit ModelLogits(MiniMaxForCausalLM& model) : model_(model), state_(model.new_state()) {}

  void begin_window() override { state_ = model_.new_state(); }
  std::vector<float> read(std::span<const std::int32_t> tokens, std::int64_t rows) override;

 private:
  MiniMaxForCausalLM& model_;
  State state_;
};

struct PerplexityRun {
  MiniMaxForCausalLM& model;
  std::span<const std::int32_t> text;  // token ids
  WindowOptions windows = {};
  BaseLogits* base = nullptr;  // of the same vocabulary; null: no comparison
  /// Given the logits of all judged tokens, in order and in pieces of whole rows.
  std::function<void(std::span<const float>)> on_logits = {};
  /// Told the windows that are done, of how many, before each; may throw to end the run.
  std::function<void(std::int64_t done, std::int64_t total)> on_window = {};
};

/// One score for every judged token, in order. Logits are those of the head: nothing is suppressed.
/// Throws: Error{kInvalidArgument} as cut_windows(), and for token ids outside of the vocabulary.
std::vector<TokenScore> score_text(const PerplexityRun& run);

}  // namespace minimax::engine
