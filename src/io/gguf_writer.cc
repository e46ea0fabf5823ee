// SPDX-License-Identifier: Apache-2.0
#include "io/gguf_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>
#include <variant>

#include "base/check.h"
#include "base/file.h"
#include "io/byte_cursor.h"
#include "io/gguf_header.h"

namespace minimax::io {
namespace {

namespace fs = std::filesystem;
using base::check;
using base::printable;

static_assert(std::endian::native == std::endian::little, "numbers are written as they lie");

constexpr std::int64_t kAlignment = 32;
constexpr std::uint32_t kVersion = 3;

std::int64_t align_up(std::int64_t offset) { return (offset + kAlignment - 1) & -kAlignment; }

/// The growing header.
class Bytes {
 public:
  template <class T>
    requires std::is_arithmetic_v<T>
  void number(T value) {
    const std::size_t begin = bytes_.size();
    bytes_.resize(begin + sizeof(T));
    std::memcpy(bytes_.data() + begin, &value, sizeof(T));
  }

  void boolean(bool value) { number(static_cast<std::uint8_t>(value)); }

  void string(std::string_view text) {
    number(static_cast<std::uint64_t>(text.size()));
    bytes_ += text;
  }

  void value(const GgufValue& value) {
    number(static_cast<std::uint32_t>(value.index()));
    std::visit([this](const auto& alternative) { write(alternative); }, value);
  }

  void pad() { bytes_.resize(static_cast<std::size_t>(align_up(std::ssize(bytes_)))); }

  const std::string& bytes() const { return bytes_; }

 private:
  template <class T>
    requires std::is_arithmetic_v<T>
  void write(T value) {
    if constexpr (std::is_same_v<T, bool>) {
      boolean(value);
    } else {
      number(value);
    }
  }

  void write(const std::string& text) { string(text); }

  void write(const GgufArray& array) {
    number(static_cast<std::uint32_t>(array.index()));
    std::visit([this](const auto& elements) { write_elements(elements); }, array);
  }

  template <class T>
  void write_elements(const std::vector<T>& elements) {
    number(static_cast<std::uint64_t>(elements.size()));
    for (const auto& element : elements) {
      write(static_cast<const T&>(element));
    }
  }

  void write_elements(const GgufNestedArray&) {
    throw Error(ErrorCode::kInvalidArgument, "GGUF metadata: expected plain arrays, found nested");
  }

  std::string bytes_;
};

std::uint32_t type_number(const GgufTensorPlan& plan) {
  const quant::FormatInfo& format = quant::info(plan.format);
  check(format.gguf_id.has_value(), ErrorCode::kInvalidArgument, [&] {
    return fmt::format("{}: expected a format of GGUF, found {}", printable(plan.name),
                       format.name);
  });
  return static_cast<std::uint32_t>(*format.gguf_id);
}

void write_tensor(const GgufTensorPlan& plan, std::int64_t offset, Bytes& header) {
  header.string(plan.name);
  header.number(static_cast<std::uint32_t>(plan.shape.rank()));
  for (int axis = plan.shape.rank() - 1; axis >= 0; --axis) {
    header.number(static_cast<std::uint64_t>(plan.shape[axis]));
  }
  header.number(type_number(plan));
  header.number(static_cast<std::uint64_t>(offset));
}

// Whatever the reader would refuse is refused before anything is written.
void check_readable(const std::string& header, std::int64_t file_bytes, const std::string& source) {
  try {
    ByteCursor cursor(
        [&](std::int64_t offset, std::span<std::byte> out) {
          // The cursor reads ahead, into data that is not there yet.
          std::ranges::fill(out, std::byte{});
          const std::string_view part = std::string_view(header).substr(
              std::min(static_cast<std::size_t>(offset), header.size()), out.size());
          std::ranges::copy(std::as_bytes(std::span(part)), out.begin());
        },
        file_bytes, kMaxGgufHeaderBytes, source);
    parse_gguf_header(cursor);
  } catch (const Error& error) {
    throw Error(ErrorCode::kInvalidArgument, error.what());
  }
}

RegionFile::Plan plan_file(const std::string& source, const std::vector<GgufTensorPlan>& tensors,
                           const GgufWriter::Keys& keys) {
  Bytes header;
  for (const char letter : std::string_view("GGUF")) {
    header.number(letter);
  }
  header.number(kVersion);
  header.number(static_cast<std::uint64_t>(tensors.size()));
  header.number(static_cast<std::uint64_t>(keys.size()));
  for (const auto& [key, value] : keys) {
    header.string(key);
    header.value(value);
  }
  RegionFile::Plan plan;
  for (const GgufTensorPlan& tensor : tensors) {
    const std::int64_t end = plan.bytes + gguf_tensor_bytes(tensor);
    write_tensor(tensor, plan.bytes, header);
    plan.regions.push_back({tensor.name, plan.bytes, end});
    plan.bytes = align_up(end);
  }
  header.pad();
  plan.begin_with(header.bytes());
  check_readable(plan.start, plan.bytes, source);
  return plan;
}

}  // namespace

std::int64_t gguf_tensor_bytes(const GgufTensorPlan& plan) {
  const std::int64_t row = plan.shape.rank() == 0 ? 1 : plan.shape[-1];
  const std::int64_t rows = row == 0 ? 0 : plan.shape.elements() / row;
  std::int64_t bytes = 0;
  check(!__builtin_mul_overflow(rows, quant::row_bytes(plan.format, row), &bytes),
        ErrorCode::kInvalidArgument, [&] {
          return fmt::format("{}: expected less than 2^63 bytes, found {}", printable(plan.name),
                             plan.shape.to_string());
        });
  return bytes;
}

GgufWriter::GgufWriter(const fs::path& path, const std::vector<GgufTensorPlan>& tensors,
                       const Keys& keys)
    : RegionFile(path, plan_file(printable(path.string()), tensors, keys)) {}

}  // namespace minimax::io
