// SPDX-License-Identifier: Apache-2.0
// The models that classify sequences and tokens and find answers.
// Source: transformers 5.17, modeling_layers.py.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "engine/forward_pass.h"
#include "engine/losses.h"

namespace minimax {
namespace {

using engine::ForwardPass;
using engine::Packing;

std::vector<std::int32_t> all_rows(const Packing& packing) {
  return packing.last_columns(packing.length());
}

// The last column of a row that holds no padding id.
std::int64_t last_column(const ModelInputs& inputs, std::int64_t row, std::int64_t length,
                         std::optional<std::int32_t> pad_token_id) {
  std::int64_t column = length - 1;
  if (!pad_token_id || inputs.input_ids.empty()) {
    return column;
  }
  while (column > 0 &&
         inputs.input_ids[static_cast<std::size_t>(row * length + column)] == *pad_token_id) {
    --column;
  }
  return column;
}

// The packed tokens whose logits stand for their rows.
std::vector<std::int32_t> pooled_rows(const ModelInputs& inputs, const Packing& packing,
                                      std::optional<std::int32_t> pad_token_id) {
  base::check(pad_token_id || packing.batch_size() == 1, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("batch_size: expected 1, as the configuration has no pad_token_id, found {}",
                       packing.batch_size());
  });
  std::vector<std::int32_t> rows;
  for (std::int64_t row = 0; row < packing.batch_size(); ++row) {
    const std::int64_t column = last_column(inputs, row, packing.length(), pad_token_id);
    const std::int64_t index = packing.index_of(row, column);
    base::check(index >= 0, ErrorCode::kInvalidArgument, [&] {
      return fmt::format(
          "attention_mask: expected 1 in row {} at column {}, its last without pad_token_id", row,
          column);
    });
    rows.push_back(static_cast<std::int32_t>(index));
  }
  return rows;
}

ProblemType problem_type(const MiniMaxConfig& config, const ForwardOptions& options) {
  if (config.problem_type) {
    return *config.problem_type;
  }
  if (config.num_labels() == 1) {
    return ProblemType::kRegression;
  }
  return options.labels.empty() ? ProblemType::kMultiLabelClassification
                                : ProblemType::kSingleLabelClassification;
}

std::optional<float> sequence_loss(const MiniMaxConfig& config, const ForwardOptions& options,
                                   const std::vector<float>& logits) {
  if (options.labels.empty() && options.float_labels.empty()) {
    return std::nullopt;
  }
  const auto columns = static_cast<std::size_t>(config.num_labels());
  if (problem_type(config, options) == ProblemType::kSingleLabelClassification) {
    engine::check_size("labels", options.labels.size(), logits.size() / columns);
    return engine::cross_entropy(logits, options.labels, kIgnoredLabel);
  }
  engine::check_size("float_labels", options.float_labels.size(), logits.size());
  return problem_type(config, options) == ProblemType::kRegression
             ? engine::mean_squared_error(logits, options.float_labels)
             : engine::binary_cross_entropy(logits, options.float_labels);
}

// One of the two columns that the head gives.
std::vector<float> column_of(const std::vector<float>& pairs, std::size_t column) {
  std::vector<float> values;
  values.reserve(pairs.size() / 2);
  for (std::size_t i = column; i < pairs.size(); i += 2) {
    values.push_back(pairs[i]);
  }
  return values;
}

FloatTensor position_logits(const Packing& packing, const std::vector<float>& pairs,
                            std::size_t column) {
  FloatTensor logits = packing.unpack(column_of(pairs, column), 1);
  logits.shape.pop_back();
  return logits;
}

// The mean over rows of the cross entropy of a position among all tokens of its row. Positions
// beyond the row are left out. Source: ForQuestionAnsweringLoss.
float position_loss(const Packing& packing, const std::vector<float>& logits,
                    std::span<const std::int64_t> positions) {
  double sum = 0.0;
  int count = 0;
  for (std::int64_t row = 0; row < packing.batch_size(); ++row) {
    const std::int64_t column =
        std::clamp<std::int64_t>(positions[static_cast<std::size_t>(row)], 0, packing.length());
    const std::int64_t index = packing.index_of(row, column);
    if (index < 0) {
      continue;
    }
    const auto begin = packing.cu_seqlens()[static_cast<std::size_t>(row)];
    const std::int32_t label = static_cast<std::int32_t>(index - begin);
    sum += engine::cross_entropy(
        std::span(logits).subspan(static_cast<std::size_t>(begin),
                                  static_cast<std::size_t>(packing.tokens_of(row))),
        std::span(&label, 1), kIgnoredLabel);
    ++count;
  }
  return static_cast<float>(sum / count);
}

}  // namespace

MiniMaxForSequenceClassification MiniMaxForSequenceClassification::from_pretrained(
    const std::filesystem::path& directory, const LoadOptions& options) {
  return MiniMaxForSequenceClassification(
      engine::load_pretrained(directory, model::HeadKind::kSequenceClassification, options));
}

MiniMaxForSequenceClassification MiniMaxForSequenceClassification::from_config(
    const MiniMaxConfig& config, const LoadOptions& options, std::uint64_t seed) {
  return MiniMaxForSequenceClassification(
      engine::make_pretrained(config, model::HeadKind::kSequenceClassification, options, seed));
}

SequenceClassifierOutputWithPast MiniMaxForSequenceClassification::forward(
    const ModelInputs& inputs, const ForwardOptions& options) {
  constexpr const char* kClass = "MiniMaxForSequenceClassification";
  engine::refuse_option(options.logits_to_keep != 0, "logits_to_keep", kClass);
  engine::refuse_option(!options.start_positions.empty(), "start_positions", kClass);
  engine::refuse_option(!options.end_positions.empty(), "end_positions", kClass);
  ForwardPass pass(impl(), inputs, options);
  SequenceClassifierOutputWithPast output;
  output.logits.shape = {pass.packing().batch_size(), config().num_labels()};
  output.logits.values = pass.run(pooled_rows(inputs, pass.packing(), config().pad_token_id));
  output.loss = sequence_loss(config(), options, output.logits.values);
  pass.fill(output);
  return output;
}

MiniMaxForTokenClassification MiniMaxForTokenClassification::from_pretrained(
    const std::filesystem::path& directory, const LoadOptions& options) {
  return MiniMaxForTokenClassification(
      engine::load_pretrained(directory, model::HeadKind::kTokenClassification, options));
}

MiniMaxForTokenClassification MiniMaxForTokenClassification::from_config(
    const MiniMaxConfig& config, const LoadOptions& options, std::uint64_t seed) {
  return MiniMaxForTokenClassification(
      engine::make_pretrained(config, model::HeadKind::kTokenClassification, options, seed));
}

TokenClassifierOutput MiniMaxForTokenClassification::forward(const ModelInputs& inputs,
                                                             const ForwardOptions& options) {
  constexpr const char* kClass = "MiniMaxForTokenClassification";
  engine::refuse_option(!options.float_labels.empty(), "float_labels", kClass);
  engine::refuse_option(options.logits_to_keep != 0, "logits_to_keep", kClass);
  engine::refuse_option(!options.start_positions.empty(), "start_positions", kClass);
  engine::refuse_option(!options.end_positions.empty(), "end_positions", kClass);
  ForwardPass pass(impl(), inputs, options);
  pass.set_classifier_dropout(config().classifier_dropout);
  const Packing& packing = pass.packing();
  TokenClassifierOutput output;
  std::vector<float> logits = pass.run(all_rows(packing));
  if (!options.labels.empty()) {
    engine::check_size("labels", options.labels.size(),
                       static_cast<std::size_t>(packing.batch_size() * packing.length()));
    output.loss = engine::cross_entropy(logits, packing.pack(options.labels), kIgnoredLabel);
  }
  output.logits = packing.unpack(std::move(logits), config().num_labels());
  pass.fill(output);
  return output;
}

MiniMaxForQuestionAnswering MiniMaxForQuestionAnswering::from_pretrained(
    const std::filesystem::path& directory, const LoadOptions& options) {
  return MiniMaxForQuestionAnswering(
      engine::load_pretrained(directory, model::HeadKind::kQuestionAnswering, options));
}

MiniMaxForQuestionAnswering MiniMaxForQuestionAnswering::from_config(const MiniMaxConfig& config,
                                                                     const LoadOptions& options,
                                                                     std::uint64_t seed) {
  return MiniMaxForQuestionAnswering(
      engine::make_pretrained(config, model::HeadKind::kQuestionAnswering, options, seed));
}

QuestionAnsweringModelOutput MiniMaxForQuestionAnswering::forward(const ModelInputs& inputs,
                                                                  const ForwardOptions& options) {
  constexpr const char* kClass = "MiniMaxForQuestionAnswering";
  engine::refuse_option(!options.labels.empty(), "labels", kClass);
  engine::refuse_option(!options.float_labels.empty(), "float_labels", kClass);
  engine::refuse_option(options.logits_to_keep != 0, "logits_to_keep", kClass);
  ForwardPass pass(impl(), inputs, options);
  const Packing& packing = pass.packing();
  const std::vector<float> pairs = pass.run(all_rows(packing));
  QuestionAnsweringModelOutput output;
  if (!options.start_positions.empty() && !options.end_positions.empty()) {
    const auto rows = static_cast<std::size_t>(packing.batch_size());
    engine::check_size("start_positions", options.start_positions.size(), rows);
    engine::check_size("end_positions", options.end_positions.size(), rows);
    output.loss = (position_loss(packing, column_of(pairs, 0), options.start_positions) +
                   position_loss(packing, column_of(pairs, 1), options.end_positions)) /
                  2.0F;
  }
  output.start_logits = position_logits(packing, pairs, 0);
  output.end_logits = position_logits(packing, pairs, 1);
  pass.fill(output);
  return output;
}

}  // namespace minimax
