// SPDX-License-Identifier: Apache-2.0
// What quantizing a checkpoint makes of each of its tensors: decided from its configuration and the
// headers of its files, before any weight is read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/checkpoint.h"
#include "minimax/config.h"
#include "quant/format.h"

namespace minimax::convert {

/// The tensors whose published name matches keep their type, or get another format than the rest.
struct KeepRule {
  std::string pattern;                  // of a whole name; * stands for any text, ? for a character
  std::optional<quant::Format> format;  // absent: as stored
};

struct PlanOptions {
  quant::Format format = quant::Format::kInt4G32;
  std::vector<KeepRule> keep = {};  // of several that match, the last one holds
  /// Whether blocks run on from row to row, so that any row fits.
  bool blocks_span_rows = false;
  /// Whether tensors that are blocks already may be quantized again, which adds errors.
  bool requantize = false;
};

/// Rows of a stored tensor that are one parameter of the model.
struct Segment {
  std::string parameter;  // its published name
  std::int64_t first_row = 0;
  std::int64_t rows = 0;
};

struct PlannedTensor {
  const io::TensorEntry* source = nullptr;
  std::optional<quant::Format> format = {};  // absent: its bytes are copied
  /// All of its rows in order, where the model reads them as projections; empty otherwise.
  std::vector<Segment> segments = {};
  /// What it would have had, where `format` is another one because of its shape.
  std::optional<quant::Format> wanted = {};
  bool by_rule = false;  // whether a rule decided
  /// All weights are multiplied by it before they are encoded.
  float factor = 1.0F;

  std::int64_t bytes() const;
};

struct QuantizePlan {
  std::vector<PlannedTensor> tensors;  // those of the checkpoint, in its order

  std::int64_t elements() const;
  std::int64_t bytes() const;
  /// Of all tensors together.
  double bits_per_element() const;
};

/// True where `pattern` describes all of `name`.
bool matches(std::string_view pattern, std::string_view name);

/// Decides for every tensor. By default projections and experts get options.format, or the fallback
/// that their rows ask for; embeddings, the language head, routers and norms stay as they are
/// stored. A fallback to a floating point type leaves types of 16 bits as they are.
/// Requires: `checkpoint` outlives the plan.
/// Throws: Error{kCorruptFile} where a tensor of the model is missing; Error{kInvalidArgument} for
/// a rule that no tensor matches, or one for a tensor that is never quantized, and for blocks that
/// may not be quantized again.
QuantizePlan plan_quantization(const io::Checkpoint& checkpoint, const MiniMaxConfig& config,
                               const PlanOptions& options);

/// What a planned tensor is stored as: the name of a format, or of an element type.
std::string_view stored_as(const PlannedTensor& tensor);

}  // namespace minimax::convert
