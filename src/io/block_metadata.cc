// SPDX-License-Identifier: Apache-2.0
#include "io/block_metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "base/file.h"
#include "quant/format.h"

namespace minimax::io {
namespace {

constexpr std::string_view kPrefix = "minimax.format:";

TensorEntry& tensor_of_key(SafetensorsHeader& header, std::string_view name,
                           const std::string& source) {
  const auto it = std::ranges::lower_bound(header.tensors, name, {}, &TensorEntry::name);
  base::check(it != header.tensors.end() && it->name == name, ErrorCode::kCorruptFile, [&] {
    return fmt::format("{}: __metadata__ has a format for \"{}\", expected a tensor of that name",
                       source, base::printable(name, 100));
  });
  return *it;
}

quant::Format format_of(std::string_view format_name, std::string_view tensor_name,
                        const std::string& source) {
  const auto format = quant::format_from_name(format_name);
  const bool has_blocks = format && quant::info(*format).block_elements > 1;
  base::check(has_blocks, ErrorCode::kUnsupported, [&] {
    return fmt::format("{}: \"{}\": expected a known format of blocks, found \"{}\"", source,
                       base::printable(tensor_name, 100), base::printable(format_name, 40));
  });
  return *format;
}

tensor::Shape shape_in_elements(const TensorEntry& entry, const quant::FormatInfo& format,
                                const std::string& source) {
  const tensor::Shape& bytes = entry.shape;
  base::check(
      entry.dtype == tensor::DType::kU8 && bytes.rank() >= 1 && bytes[-1] % format.block_bytes == 0,
      ErrorCode::kCorruptFile, [&] {
        return fmt::format(
            "{}: \"{}\": expected U8 with rows of a multiple of {} bytes for {}, found {} "
            "{}",
            source, base::printable(entry.name, 100), format.block_bytes, format.name,
            tensor::dtype_name(entry.dtype), bytes.to_string());
      });
  std::vector<std::int64_t> extents;
  for (int axis = 0; axis < bytes.rank(); ++axis) {
    extents.push_back(bytes[axis]);
  }
  const bool overflows = __builtin_mul_overflow(bytes[-1] / format.block_bytes,
                                                format.block_elements, &extents.back());
  std::int64_t elements = 1;
  base::check(!overflows && std::ranges::none_of(extents,
                                                 [&](std::int64_t extent) {
                                                   return __builtin_mul_overflow(elements, extent,
                                                                                 &elements);
                                                 }),
              ErrorCode::kCorruptFile, [&] {
                return fmt::format("{}: \"{}\": expected less than 2^63 elements, found more",
                                   source, base::printable(entry.name, 100));
              });
  return tensor::Shape(extents);
}

}  // namespace

std::string block_format_key(std::string_view tensor_name) {
  return fmt::format("{}{}", kPrefix, tensor_name);
}

void apply_block_formats(SafetensorsHeader& header, const std::string& source) {
  const auto begin = header.metadata.lower_bound(kPrefix);
  auto end = begin;
  for (; end != header.metadata.end() && end->first.starts_with(kPrefix); ++end) {
    const std::string_view name = std::string_view(end->first).substr(kPrefix.size());
    TensorEntry& entry = tensor_of_key(header, name, source);
    const quant::Format format = format_of(end->second, name, source);
    entry.shape = shape_in_elements(entry, quant::info(format), source);
    entry.format = format;
  }
  header.metadata.erase(begin, end);
}

}  // namespace minimax::io
