// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors_writer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "base/json.h"
#include "io/safetensors_header.h"

namespace minimax::io {
namespace {

namespace fs = std::filesystem;
using base::check;
using base::printable;

constexpr std::size_t kAlignment = 8;  // of the data, so that a mapped file has aligned elements

struct Layout {
  std::string header;  // with its length in front
  std::int64_t data_bytes = 0;
};

std::int64_t size_of(const TensorPlan& plan) {
  std::int64_t bytes = 0;
  check(!__builtin_mul_overflow(plan.shape.elements(), tensor::dtype_bytes(plan.dtype), &bytes),
        ErrorCode::kInvalidArgument, [&] {
          return fmt::format("{}: expected less than 2^63 bytes, found {}", printable(plan.name),
                             plan.shape.to_string());
        });
  return bytes;
}

std::string describe(const TensorPlan& plan, std::int64_t begin, std::int64_t end) {
  std::vector<std::int64_t> extents(static_cast<std::size_t>(plan.shape.rank()));
  for (std::size_t axis = 0; axis < extents.size(); ++axis) {
    extents[axis] = plan.shape[static_cast<int>(axis)];
  }
  return fmt::format(R"({}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                     base::quote_json(plan.name), tensor::dtype_name(plan.dtype),
                     fmt::join(extents, ","), begin, end);
}

Layout plan_layout(const std::vector<TensorPlan>& tensors, const Metadata& metadata) {
  std::vector<std::string> members;
  if (!metadata.empty()) {
    base::JsonObject object;
    for (const auto& [key, value] : metadata) {
      object.emplace_back(key, value);
    }
    members.push_back("\"__metadata__\":" + base::write_json(std::move(object)));
  }
  Layout layout;
  for (const TensorPlan& plan : tensors) {
    const std::int64_t begin = layout.data_bytes;
    check(!__builtin_add_overflow(begin, size_of(plan), &layout.data_bytes),
          ErrorCode::kInvalidArgument, "expected less than 2^63 bytes of tensors, found more");
    members.push_back(describe(plan, begin, layout.data_bytes));
  }
  std::string json = fmt::format("{{{}}}", fmt::join(members, ","));
  json.resize((json.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  for (std::size_t i = 0; i < kHeaderLengthBytes; ++i) {
    layout.header += static_cast<char>((json.size() >> (8 * i)) & 0xff);
  }
  layout.header += json;
  return layout;
}

// Whatever the reader would refuse is refused before anything is written.
void check_readable(const Layout& layout, const std::string& source) {
  try {
    const std::int64_t file_bytes = std::ssize(layout.header) + layout.data_bytes;
    check_header_length(std::string_view(layout.header).substr(0, kFileStartBytes), file_bytes,
                        source);
    std::string json = layout.header.substr(kHeaderLengthBytes);
    parse_safetensors_header(json, file_bytes, source);
  } catch (const Error& error) {
    throw Error(ErrorCode::kInvalidArgument, error.what());
  }
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(fs::path path, const std::vector<TensorPlan>& tensors,
                                     const Metadata& metadata) {
  const Layout layout = plan_layout(tensors, metadata);
  check_readable(layout, printable(path.string()));
  std::vector<RegionFile::Region> regions;
  std::int64_t offset = std::ssize(layout.header);
  for (const TensorPlan& plan : tensors) {
    const std::int64_t bytes = size_of(plan);
    regions.push_back({plan.name, offset, offset + bytes});
    offset += bytes;
  }
  file_.emplace(std::move(path), layout.header, std::move(regions), offset);
}

}  // namespace minimax::io
