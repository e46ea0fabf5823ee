// SPDX-License-Identifier: Apache-2.0
#include "convert/bitsandbytes_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "convert/row_reader.h"
#include "minimax/error.h"
#include "quant/bitsandbytes.h"

namespace minimax::convert {
namespace {

using base::Json;
using base::JsonArray;
using base::JsonObject;
using quant::Format;
using tensor::DType;
using tensor::Shape;

constexpr std::int64_t kBlock = 64;

bool is_packed(const PlannedTensor& planned) {
  return planned.format == Format::kNF4 || planned.format == Format::kFP4 ||
         planned.format == Format::kInt8F32;
}

/// The format that all packed tensors have; nothing where there are none.
std::optional<Format> common_format(const QuantizePlan& plan) {
  std::optional<Format> common;
  for (const PlannedTensor& planned : plan.tensors) {
    // Blocks that stay as they are would be of no use to readers of such a checkpoint.
    const std::optional<Format> format = planned.format ? planned.format : planned.source->format;
    const bool is_block = format && quant::info(*format).block_elements > 1;
    const bool fits = !is_block || (is_packed(planned) && (!common || common == planned.format));
    base::check(fits, ErrorCode::kInvalidArgument, [&] {
      return fmt::format(
          "{}: a checkpoint of bitsandbytes has one of nf4, fp4 and int8_f32, found {}",
          base::printable(planned.source->name), stored_as(planned));
    });
    common = is_packed(planned) ? planned.format : common;
  }
  return common;
}

std::string_view torch_name(DType dtype) {
  return dtype == DType::kBF16 ? "bfloat16" : dtype == DType::kF16 ? "float16" : "float32";
}

// The type of most elements, blocks apart.
DType main_type(const QuantizePlan& plan) {
  std::map<DType, std::int64_t> elements{{DType::kF32, 0}};
  for (const PlannedTensor& planned : plan.tensors) {
    const io::TensorEntry& source = *planned.source;
    if (!source.format && quant::format_of(source.dtype)) {
      elements[source.dtype] += source.shape.elements();
    }
  }
  return std::ranges::max_element(elements, {}, &std::pair<const DType, std::int64_t>::second)
      ->first;
}

// Spaces make room for the longest offset, which is known only when all scales are.
constexpr std::size_t kOffsetBytes = 24;

void add_4bit(const std::string& name, DoubleQuant double_quant, OutputGroup& group) {
  const std::int64_t elements = group.rows * columns_of(*group.planned->source);
  const std::int64_t scales = quant::count_blocks(elements, kBlock);
  const std::string format(quant::info(*group.planned->format).name);
  const auto add = [&](const std::string& tensor, DType dtype, const Shape& shape) {
    group.tensors.push_back({.plan = {tensor, dtype, shape},
                             .format = std::string(tensor::dtype_name(dtype)),
                             .shape = shape});
  };
  const bool nested = double_quant == DoubleQuant::kOn;
  add(name, DType::kU8, Shape{elements / 2 + elements % 2, 1});
  add(name + ".absmax", nested ? DType::kU8 : DType::kF32, Shape{scales});
  add(name + ".quant_map", DType::kF32, Shape{16});
  const auto state_bytes =
      std::ssize(quant_state_text(group, nested ? std::optional(0.0f) : std::nullopt));
  add(name + ".quant_state.bitsandbytes__" + format, DType::kU8, Shape{state_bytes});
  if (nested) {
    add(name + ".nested_absmax", DType::kF32,
        Shape{quant::count_blocks(scales, quant::kNestedBlockElements)});
    add(name + ".nested_quant_map", DType::kF32, Shape{256});
  }
}

void add_int8(const std::string& name, OutputGroup& group) {
  constexpr std::string_view kEnding = ".weight";
  base::check(name.ends_with(kEnding), ErrorCode::kInvalidArgument, [&] {
    return fmt::format("{}: expected a name that ends in {}", base::printable(name), kEnding);
  });
  const std::string module = name.substr(0, name.size() - kEnding.size());
  const std::int64_t columns = columns_of(*group.planned->source);
  const auto add = [&](const std::string& tensor, DType dtype, const Shape& shape) {
    group.tensors.push_back({.plan = {tensor, dtype, shape},
                             .format = std::string(tensor::dtype_name(dtype)),
                             .shape = shape});
  };
  add(name, DType::kI8, Shape{group.rows, columns});
  add(module + ".SCB", DType::kF32, Shape{group.rows});
  add(module + ".weight_format", DType::kU8, Shape{});
}

void add_packed(const PlannedTensor& planned, DoubleQuant double_quant,
                std::vector<OutputGroup>& groups) {
  // A stored tensor that is one parameter keeps its name, whichever spelling that is.
  const bool is_alone = planned.segments.size() == 1;
  for (const Segment& segment : planned.segments) {
    const std::string& name = is_alone ? planned.source->name : segment.parameter;
    const bool is_int8 = planned.format == Format::kInt8F32;
    OutputGroup group{.planned = &planned,
                      .packing = is_int8 ? Packing::kInt8 : Packing::k4Bit,
                      .first_row = segment.first_row,
                      .rows = segment.rows,
                      .tensors = {}};
    if (is_int8) {
      add_int8(name, group);
    } else {
      add_4bit(name, double_quant, group);
    }
    groups.push_back(std::move(group));
  }
}

}  // namespace

void unify_types(QuantizePlan& plan) {
  const DType wanted = main_type(plan);
  for (PlannedTensor& planned : plan.tensors) {
    const io::TensorEntry& source = *planned.source;
    const bool is_other_float =
        !source.format && source.dtype != wanted && quant::format_of(source.dtype);
    if (planned.format || !is_other_float) {
      continue;
    }
    planned.format = quant::format_of(wanted);
    if (planned.segments.empty()) {
      planned.segments = {{.parameter = source.name, .first_row = 0, .rows = rows_of(source)}};
    }
  }
}

std::string_view main_type_name(const QuantizePlan& plan) { return torch_name(main_type(plan)); }

std::vector<OutputGroup> bitsandbytes_layout(const QuantizePlan& plan, DoubleQuant double_quant) {
  static_cast<void>(common_format(plan));
  std::vector<OutputGroup> groups;
  for (const PlannedTensor& planned : plan.tensors) {
    if (is_packed(planned)) {
      add_packed(planned, double_quant, groups);
    } else {
      groups.push_back(rows_group(planned));
    }
  }
  return groups;
}

Json bitsandbytes_config(const QuantizePlan& plan, DoubleQuant double_quant) {
  const Format format = common_format(plan).value_or(Format::kNF4);
  const bool is_int8 = format == Format::kInt8F32;
  JsonArray skipped;
  for (const PlannedTensor& planned : plan.tensors) {
    constexpr std::string_view kEnding = ".weight";
    const std::string& name = planned.source->name;
    const bool is_module = !planned.segments.empty() && name.ends_with(kEnding) &&
                           name.find("embed_tokens") == std::string::npos;
    if (is_module && !is_packed(planned)) {
      skipped.emplace_back(name.substr(0, name.size() - kEnding.size()));
    }
  }
  // Routers were modules that would be quantized in transformers 4.
  skipped.emplace_back("block_sparse_moe.gate");
  return JsonObject{{"_load_in_4bit", !is_int8},
                    {"_load_in_8bit", is_int8},
                    {"bnb_4bit_compute_dtype", is_int8 ? "float32" : "bfloat16"},
                    {"bnb_4bit_quant_storage", "uint8"},
                    {"bnb_4bit_quant_type", format == Format::kNF4 ? "nf4" : "fp4"},
                    {"bnb_4bit_use_double_quant", !is_int8 && double_quant == DoubleQuant::kOn},
                    {"llm_int8_enable_fp32_cpu_offload", false},
                    {"llm_int8_has_fp16_weight", false},
                    {"llm_int8_skip_modules", std::move(skipped)},
                    {"llm_int8_threshold", 6.0},
                    {"load_in_4bit", !is_int8},
                    {"load_in_8bit", is_int8},
                    {"quant_method", "bitsandbytes"}};
}

std::string quant_state_text(const OutputGroup& group, std::optional<float> nested_offset) {
  const io::TensorEntry& source = *group.planned->source;
  std::string text =
      fmt::format(R"({{"quant_type": "{}", "blocksize": {}, "dtype": "{}", "shape": [{}, {}])",
                  quant::info(*group.planned->format).name, kBlock, torch_name(source.dtype),
                  group.rows, columns_of(source));
  if (!nested_offset) {
    return text + "}";
  }
  const std::string offset = fmt::format("{}", double{*nested_offset});
  text +=
      fmt::format(R"(, "nested_blocksize": {}, "nested_dtype": "float32", "nested_offset": {}}})",
                  quant::kNestedBlockElements, offset);
  return text + std::string(kOffsetBytes - std::min(kOffsetBytes, offset.size()), ' ');
}

}  // namespace minimax::convert
