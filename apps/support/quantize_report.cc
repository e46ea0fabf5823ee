// SPDX-License-Identifier: Apache-2.0
#include "support/quantize_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "convert/row_reader.h"
#include "support/exit_code.h"

namespace minimax::apps {
namespace {

using base::Json;
using base::JsonArray;
using base::JsonObject;

constexpr const char* kStored = "stored";

std::string to_line(const Json& json) {
  return base::write_json(json, base::JsonStyle::kIndented) + "\n";
}

JsonObject tensor_json(const convert::PlannedTensor& tensor, std::int64_t bytes) {
  JsonArray shape;
  for (int axis = 0; axis < tensor.source->shape.rank(); ++axis) {
    shape.emplace_back(tensor.source->shape[axis]);
  }
  JsonObject object{{"name", tensor.source->name},
                    {"shape", std::move(shape)},
                    {"format", convert::stored_as(tensor)},
                    {"bytes", bytes}};
  if (tensor.wanted) {
    object.emplace_back("instead_of", quant::info(*tensor.wanted).name);
  }
  return object;
}

double bits_per_parameter(const convert::QuantizePlan& plan, std::int64_t bytes) {
  return 8.0 * static_cast<double>(bytes) / static_cast<double>(plan.elements());
}

JsonObject sums_json(const convert::QuantizePlan& plan, std::int64_t bytes) {
  return {{"parameters", plan.elements()},
          {"bytes", bytes},
          {"bits_per_parameter", bits_per_parameter(plan, bytes)}};
}

std::int64_t sum_of(const std::vector<std::int64_t>& bytes) {
  return std::accumulate(bytes.begin(), bytes.end(), std::int64_t{0});
}

}  // namespace

std::vector<std::string> format_names() {
  std::vector<std::string> names;
  for (const quant::FormatInfo& format : quant::formats()) {
    names.emplace_back(format.name);
  }
  return names;
}

quant::Format parse_format(const std::string& name) {
  const auto format = quant::format_from_name(name);
  if (!format) {
    throw UsageError(fmt::format("expected a format, found \"{}\"", base::printable(name)),
                     fmt::format("the formats are {}", fmt::join(format_names(), ", ")));
  }
  return *format;
}

std::vector<convert::KeepRule> parse_keep_rules(const std::vector<std::string>& rules) {
  std::vector<convert::KeepRule> parsed;
  for (const std::string& rule : rules) {
    const std::size_t split = rule.rfind('=');
    if (split == std::string::npos || split == 0) {
      throw UsageError(
          fmt::format("--keep: expected PATTERN=FORMAT, found \"{}\"", base::printable(rule)));
    }
    const std::string format = rule.substr(split + 1);
    parsed.push_back({.pattern = rule.substr(0, split),
                      .format = format == kStored
                                    ? std::nullopt
                                    : std::optional<quant::Format>(parse_format(format))});
  }
  return parsed;
}

std::string plan_text(const convert::QuantizePlan& plan, const std::vector<std::int64_t>& bytes) {
  std::size_t width = 0;
  for (const convert::PlannedTensor& tensor : plan.tensors) {
    width = std::max(width, tensor.source->name.size());
  }
  std::string text;
  for (const convert::PlannedTensor& tensor : plan.tensors) {
    text += fmt::format("{:<{}}  {:<16} {}", base::printable(tensor.source->name, 1024), width,
                        tensor.source->shape.to_string(), convert::stored_as(tensor));
    text += tensor.wanted
                ? fmt::format(" instead of {}: rows of {}\n", quant::info(*tensor.wanted).name,
                              convert::columns_of(*tensor.source))
                : "\n";
  }
  text += fmt::format("{} tensors, {}, {:.3f} bits per parameter\n", plan.tensors.size(),
                      base::format_bytes(sum_of(bytes)), bits_per_parameter(plan, sum_of(bytes)));
  return text;
}

std::string plan_json(const convert::QuantizePlan& plan, const std::vector<std::int64_t>& bytes) {
  JsonObject object = sums_json(plan, sum_of(bytes));
  JsonArray tensors;
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    tensors.emplace_back(tensor_json(plan.tensors[i], bytes[i]));
  }
  object.emplace_back("tensors", std::move(tensors));
  return to_line(object);
}

std::string result_text(const std::string& out, const convert::QuantizePlan& plan,
                        const convert::QuantizeResult& result) {
  std::string text =
      fmt::format("{}: {} in {} file{}, {:.3f} bits per parameter\n", base::printable(out),
                  base::format_bytes(result.bytes), result.files, result.files == 1 ? "" : "s",
                  bits_per_parameter(plan, result.bytes));
  if (result.resumed_files > 0) {
    text += fmt::format("{} of the files were there from an earlier run\n", result.resumed_files);
  }
  return text;
}

std::string result_json(const convert::QuantizePlan& plan, const convert::QuantizeResult& result) {
  JsonObject object = sums_json(plan, result.bytes);
  object.emplace_back("files", std::int64_t{result.files});
  object.emplace_back("resumed_files", std::int64_t{result.resumed_files});
  return to_line(object);
}

}  // namespace minimax::apps
