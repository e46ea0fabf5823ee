// SPDX-License-Identifier: Apache-2.0
#include "convert/bit_budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <queue>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/file.h"
#include "convert/parallel_rows.h"
#include "convert/row_reader.h"
#include "quant/decode.h"
#include "quant/encode.h"

namespace minimax::convert {
namespace {

using quant::Format;

constexpr std::int64_t kSampledRows = 8;  // of each tensor

struct Choice {
  Format format;
  std::int64_t bytes = 0;
  double loss = 0;
};

/// A tensor whose format is open, with its choices in the order of their bytes.
struct OpenTensor {
  PlannedTensor* planned = nullptr;
  std::vector<Choice> choices;
  std::size_t chosen = 0;
};

struct Sample {
  std::vector<float> row;
  std::span<const float> importance;
};

std::vector<Sample> sample_rows(const io::CheckpointReader& reader, const BitBudget& budget,
                                const PlannedTensor& planned) {
  const std::int64_t columns = columns_of(*planned.source);
  const std::int64_t rows = rows_of(*planned.source);
  std::vector<Sample> samples;
  for (std::int64_t i = 0; i < std::min(rows, kSampledRows); ++i) {
    const std::int64_t row = (2 * i + 1) * rows / (2 * std::min(rows, kSampledRows));
    Sample sample{std::vector<float>(static_cast<std::size_t>(columns)), {}};
    read_rows(reader, *planned.source, row, sample.row);
    const auto segment = std::ranges::find_if(planned.segments, [&](const Segment& candidate) {
      return row < candidate.first_row + candidate.rows;
    });
    if (budget.importance != nullptr) {
      sample.importance = budget.importance->columns(segment->parameter, columns);
    }
    samples.push_back(std::move(sample));
  }
  return samples;
}

// The error and the squares of a row, weighted.
std::pair<double, double> error_of(Format format, const Sample& sample) {
  std::vector<std::byte> bytes(
      static_cast<std::size_t>(quant::row_bytes(format, std::ssize(sample.row))));
  std::vector<float> decoded(sample.row.size());
  quant::encode_row(format, sample.row, {.importance = sample.importance}, bytes);
  quant::decode_row(format, bytes, decoded);
  double error = 0;
  double squares = 0;
  for (std::size_t i = 0; i < decoded.size(); ++i) {
    const double weight = sample.importance.empty() ? 1.0 : double{sample.importance[i]};
    const double difference = double{sample.row[i]} - double{decoded[i]};
    error += weight * difference * difference;
    squares += weight * double{sample.row[i]} * double{sample.row[i]};
  }
  return {error, squares};
}

double loss_of(Format format, const std::vector<Sample>& samples, std::int64_t elements,
               cpu::ThreadPool& pool) {
  std::vector<std::pair<double, double>> parts(samples.size());
  for_each_row(pool, std::ssize(samples), std::ssize(samples.front().row), [&](std::int64_t i) {
    const auto at = static_cast<std::size_t>(i);
    parts[at] = error_of(format, samples[at]);
  });
  double error = 0;
  double squares = 0;
  for (const auto& [part_error, part_squares] : parts) {
    error += part_error;
    squares += part_squares;
  }
  return squares > 0 ? error / squares * static_cast<double>(elements) : 0.0;
}

std::vector<Choice> measure(const io::CheckpointReader& reader, const BitBudget& budget,
                            cpu::ThreadPool& pool, const PlannedTensor& planned) {
  const std::int64_t columns = columns_of(*planned.source);
  const std::vector<Sample> samples = sample_rows(reader, budget, planned);
  std::vector<Choice> choices;
  const auto candidates = budget.candidates.empty() ? default_candidates() : budget.candidates;
  for (const Format candidate : candidates) {
    const Format format = quant::format_for_row(candidate, columns);
    if (std::ranges::find(choices, format, &Choice::format) == choices.end()) {
      choices.push_back({.format = format,
                         .bytes = rows_of(*planned.source) * quant::row_bytes(format, columns),
                         .loss = loss_of(format, samples, planned.source->shape.elements(), pool)});
    }
  }
  std::ranges::sort(choices, {}, &Choice::bytes);
  return choices;
}

/// A change of one tensor to a later choice.
struct Step {
  double gain = 0;  // loss taken per byte
  std::size_t tensor = 0;
  std::size_t to = 0;

  bool operator<(const Step& other) const {
    return std::pair(gain, other.tensor) < std::pair(other.gain, tensor);
  }
};

// The change of a tensor that takes most for its bytes; gain 0 where none does.
Step best_step(const OpenTensor& tensor, std::size_t index) {
  Step best{.gain = 0, .tensor = index, .to = tensor.chosen};
  const Choice& now = tensor.choices[tensor.chosen];
  for (std::size_t to = tensor.chosen + 1; to < tensor.choices.size(); ++to) {
    const Choice& then = tensor.choices[to];
    const auto bytes = static_cast<double>(std::max<std::int64_t>(1, then.bytes - now.bytes));
    if ((now.loss - then.loss) / bytes > best.gain) {
      best.gain = (now.loss - then.loss) / bytes;
      best.to = to;
    }
  }
  return best;
}

void spend(std::int64_t bytes_left, std::vector<OpenTensor>& tensors) {
  std::priority_queue<Step> steps;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    steps.push(best_step(tensors[i], i));
  }
  while (!steps.empty()) {
    const Step step = steps.top();
    steps.pop();
    OpenTensor& tensor = tensors[step.tensor];
    const std::int64_t cost = tensor.choices[step.to].bytes - tensor.choices[tensor.chosen].bytes;
    if (step.gain > 0 && cost <= bytes_left) {
      bytes_left -= cost;
      tensor.chosen = step.to;
      steps.push(best_step(tensor, step.tensor));
    }
  }
}

}  // namespace

std::span<const Format> default_candidates() {
  static constexpr std::array kCandidates = {
      Format::kQ2_K, Format::kQ3_K, Format::kInt4G64, Format::kInt4G32,
      Format::kQ5_K, Format::kQ6_K, Format::kInt8G32,
  };
  return kCandidates;
}

void fit_to_bits(const io::CheckpointReader& reader, const BitBudget& budget, cpu::ThreadPool& pool,
                 QuantizePlan& plan) {
  std::vector<OpenTensor> tensors;
  for (PlannedTensor& planned : plan.tensors) {
    if (planned.format && !planned.by_rule) {
      tensors.push_back({.planned = &planned, .choices = {}, .chosen = 0});
    }
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (budget.on_progress) {
      budget.on_progress(static_cast<std::int64_t>(i), std::ssize(tensors));
    }
    tensors[i].choices = measure(reader, budget, pool, *tensors[i].planned);
    tensors[i].planned->format = tensors[i].choices.front().format;
    tensors[i].planned->wanted.reset();
  }
  const double wanted = budget.bits_per_element * static_cast<double>(plan.elements()) / 8.0;
  const std::int64_t bytes_left = static_cast<std::int64_t>(wanted) - plan.bytes();
  base::check(bytes_left >= 0, ErrorCode::kInvalidArgument, [&] {
    return fmt::format(
        "bits per parameter: expected at least {:.3f}, found {}; keep fewer tensors "
        "as they are",
        plan.bits_per_element(), budget.bits_per_element);
  });
  spend(bytes_left, tensors);
  for (const OpenTensor& tensor : tensors) {
    tensor.planned->format = tensor.choices[tensor.chosen].format;
  }
}

}  // namespace minimax::convert
