// SPDX-License-Identifier: Apache-2.0
#include "convert/output_layout.h"

#include <fmt/format.h>

#include <utility>

#include "convert/row_reader.h"
#include "io/safetensors.h"

namespace minimax::convert {
namespace {

// A header has room for this many names of formats (io/safetensors_header.h).
constexpr std::size_t kMaxGroupsPerFile = 8192;

tensor::DType plain_dtype(quant::Format format) {
  switch (format) {
    case quant::Format::kF32:
      return tensor::DType::kF32;
    case quant::Format::kF16:
      return tensor::DType::kF16;
    default:
      return tensor::DType::kBF16;
  }
}

tensor::Shape with_innermost(const tensor::Shape& shape, std::int64_t extent) {
  std::vector<std::int64_t> extents;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    extents.push_back(shape[axis]);
  }
  extents.back() = extent;
  return tensor::Shape(extents);
}

OutputTensor block_tensor(const PlannedTensor& planned) {
  const io::TensorEntry& source = *planned.source;
  const std::optional<quant::Format> format = planned.format ? planned.format : source.format;
  OutputTensor output{.plan = {source.name, source.dtype, source.shape},
                      .format = std::string(stored_as(planned)),
                      .shape = source.shape};
  if (format && quant::info(*format).block_elements == 1) {
    output.plan.dtype = plain_dtype(*format);
  } else if (format) {
    output.has_blocks = true;
    output.plan.dtype = tensor::DType::kU8;
    output.plan.shape = with_innermost(source.shape, quant::row_bytes(*format, columns_of(source)));
  }
  return output;
}

}  // namespace

std::int64_t OutputGroup::bytes() const {
  std::int64_t sum = 0;
  for (const OutputTensor& tensor : tensors) {
    sum += tensor.plan.shape.elements() * tensor::dtype_bytes(tensor.plan.dtype);
  }
  return sum;
}

OutputGroup rows_group(const PlannedTensor& planned) {
  return {.planned = &planned,
          .packing = Packing::kRows,
          .first_row = 0,
          .rows = rows_of(*planned.source),
          .tensors = {block_tensor(planned)}};
}

std::vector<OutputGroup> block_layout(const QuantizePlan& plan) {
  std::vector<OutputGroup> groups;
  for (const PlannedTensor& planned : plan.tensors) {
    groups.push_back(rows_group(planned));
  }
  return groups;
}

std::vector<OutputFile> split_into_files(std::vector<OutputGroup> groups, std::int64_t max_bytes) {
  std::vector<OutputFile> files(1);
  std::int64_t bytes = 0;
  for (OutputGroup& group : groups) {
    const std::int64_t more = group.bytes();
    std::vector<OutputGroup>& last = files.back().groups;
    if (!last.empty() && (bytes + more > max_bytes || last.size() == kMaxGroupsPerFile)) {
      files.emplace_back();
      bytes = 0;
    }
    bytes += more;
    files.back().groups.push_back(std::move(group));
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    files[i].name = files.size() == 1
                        ? io::kSafetensorsFile
                        : fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, files.size());
  }
  return files;
}

}  // namespace minimax::convert
