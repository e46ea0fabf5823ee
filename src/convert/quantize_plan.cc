// SPDX-License-Identifier: Apache-2.0
#include "convert/quantize_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "base/check.h"
#include "base/file.h"
#include "convert/row_reader.h"
#include "model/parameters.h"

namespace minimax::convert {
namespace {

using io::TensorEntry;
using model::Parameter;
using model::ParameterSource;

/// What the model makes of a tensor.
struct Role {
  bool is_projection = false;  // and may be quantized
  bool is_vocabulary = false;  // and is only where a rule says so
  std::vector<Segment> segments;
};

using Roles = std::map<std::string_view, Role>;  // by the name of the tensor

// The first source that the checkpoint has in the expected shape.
const ParameterSource& source_of(const Parameter& parameter, const io::Checkpoint& checkpoint) {
  for (const ParameterSource& source : parameter.sources) {
    const TensorEntry* entry = checkpoint.find(source.name);
    if (entry != nullptr && entry->shape == source.tensor_shape) {
      return source;
    }
  }
  throw Error(
      ErrorCode::kCorruptFile,
      fmt::format("{}: expected a tensor {} {}, found none",
                  base::printable(checkpoint.files.front().path.parent_path().string()),
                  parameter.published().name, parameter.published().tensor_shape.to_string()));
}

Roles roles_of(const io::Checkpoint& checkpoint, const MiniMaxConfig& config) {
  model::Weights weights;
  Roles roles;
  for (const Parameter& parameter : model::parameters(config, model::head_kind(config), weights)) {
    if (parameter.may_be_missing || parameter.storage != model::Storage::kProjection) {
      continue;
    }
    const ParameterSource& source = source_of(parameter, checkpoint);
    Role& role = roles[checkpoint.find(source.name)->name];
    role.is_projection = true;
    role.is_vocabulary = parameter.shard == model::Shard::kVocab;
    const std::int64_t columns = source.shape[-1];
    role.segments.push_back({.parameter = parameter.published().name,
                             .first_row = source.first_element / columns,
                             .rows = source.shape.elements() / columns});
  }
  for (auto& [name, role] : roles) {
    std::ranges::sort(role.segments, {}, &Segment::first_row);
  }
  return roles;
}

class Planner {
 public:
  Planner(const io::Checkpoint& checkpoint, const MiniMaxConfig& config, const PlanOptions& options)
      : checkpoint_(checkpoint),
        options_(options),
        roles_(roles_of(checkpoint, config)),
        rule_is_used_(options.keep.size(), false) {}

  QuantizePlan plan() {
    QuantizePlan plan;
    for (const TensorEntry& entry : checkpoint_.tensors) {
      plan.tensors.push_back(plan_tensor(entry));
    }
    for (std::size_t i = 0; i < rule_is_used_.size(); ++i) {
      base::check(rule_is_used_[i], ErrorCode::kInvalidArgument, [&] {
        return fmt::format(
            "keep \"{}\": expected a projection, an expert or the embeddings, found none "
            "of that name",
            base::printable(options_.keep[i].pattern));
      });
    }
    return plan;
  }

 private:
  PlannedTensor plan_tensor(const TensorEntry& entry) {
    PlannedTensor planned{.source = &entry};
    const auto role = roles_.find(entry.name);
    if (role == roles_.end()) {
      return planned;
    }
    planned.segments = role->second.segments;
    const std::optional<quant::Format> wanted = wanted_format(entry, role->second, planned.by_rule);
    if (!wanted || wanted == stored_format(entry)) {
      return planned;
    }
    base::check(!entry.format || options_.requantize, ErrorCode::kInvalidArgument, [&] {
      return fmt::format(
          "{}: expected floating point numbers, found {}; to quantize a second time adds errors "
          "and has to be asked for",
          base::printable(entry.name), quant::info(*entry.format).name);
    });
    choose_format(entry, *wanted, planned);
    return planned;
  }

  // Sets `by_rule` where a rule holds.
  std::optional<quant::Format> wanted_format(const TensorEntry& entry, const Role& role,
                                             bool& by_rule) {
    std::optional<quant::Format> wanted;
    if (!role.is_vocabulary) {
      wanted = options_.format;
    }
    for (std::size_t i = 0; i < options_.keep.size(); ++i) {
      const KeepRule& rule = options_.keep[i];
      const bool holds = matches(rule.pattern, entry.name) ||
                         std::ranges::any_of(role.segments, [&](const Segment& segment) {
                           return matches(rule.pattern, segment.parameter);
                         });
      if (holds) {
        rule_is_used_[i] = true;
        wanted = rule.format;
        by_rule = true;
      }
    }
    return wanted;
  }

  void choose_format(const TensorEntry& entry, quant::Format wanted, PlannedTensor& planned) const {
    const quant::Format format =
        options_.blocks_span_rows ? wanted : quant::format_for_row(wanted, columns_of(entry));
    if (format != wanted) {
      planned.wanted = wanted;
    }
    const bool is_short = !entry.format && tensor::dtype_bytes(entry.dtype) == 2;
    const bool is_fallback_to_float = format != wanted && quant::info(format).block_elements == 1;
    if (stored_format(entry) != format && !(is_fallback_to_float && is_short)) {
      planned.format = format;
    }
  }

  const io::Checkpoint& checkpoint_;
  const PlanOptions& options_;
  Roles roles_;
  std::vector<bool> rule_is_used_;
};

}  // namespace

std::int64_t PlannedTensor::bytes() const {
  if (!format) {
    return source->bytes;
  }
  const quant::FormatInfo& info = quant::info(*format);
  const std::int64_t count = source->shape.elements();
  return (count + info.block_elements - 1) / info.block_elements * info.block_bytes;
}

std::int64_t QuantizePlan::elements() const {
  return std::accumulate(tensors.begin(), tensors.end(), std::int64_t{0},
                         [](std::int64_t sum, const PlannedTensor& tensor) {
                           return sum + tensor.source->shape.elements();
                         });
}

std::int64_t QuantizePlan::bytes() const {
  return std::accumulate(
      tensors.begin(), tensors.end(), std::int64_t{0},
      [](std::int64_t sum, const PlannedTensor& tensor) { return sum + tensor.bytes(); });
}

double QuantizePlan::bits_per_element() const {
  const std::int64_t count = elements();
  return count == 0 ? 0.0 : 8.0 * static_cast<double>(bytes()) / static_cast<double>(count);
}

bool matches(std::string_view pattern, std::string_view name) {
  // Goes back to the last star only, which is enough: linear space, at most pattern times name.
  std::size_t p = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  for (std::size_t n = 0; n < name.size();) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

QuantizePlan plan_quantization(const io::Checkpoint& checkpoint, const MiniMaxConfig& config,
                               const PlanOptions& options) {
  return Planner(checkpoint, config, options).plan();
}

std::string_view stored_as(const PlannedTensor& tensor) {
  return tensor.format ? quant::info(*tensor.format).name : io::type_name(*tensor.source);
}

}  // namespace minimax::convert
