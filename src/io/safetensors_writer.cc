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

// The start of the file: its length, and the members of the header.
std::string header_of(const std::vector<std::string>& members) {
  std::string json = fmt::format("{{{}}}", fmt::join(members, ","));
  json.resize((json.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  std::string header;
  for (std::size_t i = 0; i < kHeaderLengthBytes; ++i) {
    header += static_cast<char>((json.size() >> (8 * i)) & 0xff);
  }
  return header + json;
}

// Whatever the reader would refuse is refused before anything is written.
void check_readable(const RegionFile::Plan& plan, const std::string& source) {
  try {
    check_header_length(std::string_view(plan.start).substr(0, kFileStartBytes), plan.bytes,
                        source);
    std::string json = plan.start.substr(kHeaderLengthBytes);
    parse_safetensors_header(json, plan.bytes, source);
  } catch (const Error& error) {
    throw Error(ErrorCode::kInvalidArgument, error.what());
  }
}

RegionFile::Plan plan_file(const std::string& source, const std::vector<TensorPlan>& tensors,
                           const Metadata& metadata) {
  std::vector<std::string> members;
  if (!metadata.empty()) {
    base::JsonObject object;
    for (const auto& [key, value] : metadata) {
      object.emplace_back(key, value);
    }
    members.push_back("\"__metadata__\":" + base::write_json(std::move(object)));
  }
  RegionFile::Plan plan;
  for (const TensorPlan& tensor : tensors) {
    const std::int64_t begin = plan.bytes;
    check(!__builtin_add_overflow(begin, size_of(tensor), &plan.bytes), ErrorCode::kInvalidArgument,
          "expected less than 2^63 bytes of tensors, found more");
    members.push_back(describe(tensor, begin, plan.bytes));
    plan.regions.push_back({tensor.name, begin, plan.bytes});
  }
  plan.begin_with(header_of(members));
  check_readable(plan, source);
  return plan;
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(const fs::path& path, const std::vector<TensorPlan>& tensors,
                                     const Metadata& metadata)
    : RegionFile(path, plan_file(printable(path.string()), tensors, metadata)) {}

}  // namespace minimax::io
