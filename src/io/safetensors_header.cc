// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <span>

#include "base/check.h"
#include "base/file.h"
#include "io/file_guess.h"
#include "io/json_cursor.h"

namespace minimax::io {
namespace {

using base::check;
using base::printable;

// Bounds the number of entries from the header's size. Shorter than any entry with a name of
// three bytes, "abc":{"dtype":"U8","shape":[],"data_offsets":[0,1]}, and shorter names are few.
constexpr std::size_t kSmallEntryBytes = 54;
constexpr std::size_t kShortNames = 16'384;

constexpr std::array<std::string_view, 9> kKnownButUnsupported = {
    "F4",          "F6_E2M3", "F6_E3M2", "F8_E8M0", "F8_E4M3FNUZ",
    "F8_E5M2FNUZ", "C64",     "F4_E2M1", "F8_E3M4"};

std::int64_t little_endian_length(std::string_view start) {
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < kHeaderLengthBytes; ++i) {
    length |= std::uint64_t{static_cast<unsigned char>(start[i])} << (8 * i);
  }
  // Lengths beyond the limit all mean the same; this one stays printable as a signed number.
  return static_cast<std::int64_t>(std::min<std::uint64_t>(length, INT64_MAX));
}

class HeaderParser {
 public:
  HeaderParser(std::span<char> json, std::int64_t file_bytes, const std::string& source)
      : json_(json), cursor_(json, source), file_bytes_(file_bytes), source_(source) {}

  SafetensorsHeader parse() {
    const auto braces = static_cast<std::size_t>(std::count(json_.begin(), json_.end(), '{'));
    header_.tensors.reserve(std::min({braces, json_.size() / kSmallEntryBytes + kShortNames,
                                      static_cast<std::size_t>(kMaxTensors)}));
    cursor_.each_member([this](std::string_view key) {
      if (key == "__metadata__") {
        parse_metadata();
      } else {
        parse_tensor(key);
      }
      cursor_.set_subject({});
    });
    cursor_.expect_end(/*any_space=*/false);
    const std::string complaint = coverage_complaint();
    check_names();  // a name that appears twice explains an overlap better
    if (!complaint.empty()) {
      fail(complaint);
    }
    for (TensorEntry& entry : header_.tensors) {
      entry.offset += data_begin();
    }
    return std::move(header_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::kCorruptFile, fmt::format("{}: {}", source_, what));
  }

  void parse_metadata() {
    cursor_.set_subject("__metadata__");
    if (std::exchange(has_metadata_, true)) {
      cursor_.refuse("appears twice");
    }
    cursor_.each_member([this](std::string_view key) {
      const std::string_view value = cursor_.string();
      metadata_bytes_ += std::ssize(key) + std::ssize(value);
      if (metadata_bytes_ > kMaxMetadataBytes) {
        cursor_.refuse(fmt::format("expected at most {} bytes, found more", kMaxMetadataBytes));
      }
      if (!header_.metadata.emplace(key, value).second) {
        cursor_.refuse(fmt::format("the key \"{}\" appears twice", printable(key, 100)));
      }
      if (std::ssize(header_.metadata) > kMaxMetadataEntries) {
        cursor_.refuse(fmt::format("expected at most {} keys, found more", kMaxMetadataEntries));
      }
    });
  }

  void parse_tensor(std::string_view name) {
    check_tensor_name(name, source_);
    if (std::ssize(header_.tensors) >= kMaxTensors) {
      fail(fmt::format("expected at most {} tensors, found more", kMaxTensors));
    }
    cursor_.set_subject(name);
    fields_ = {};
    TensorEntry& entry = header_.tensors.emplace_back();
    entry.name = name;
    cursor_.each_member([&](std::string_view field) { parse_field(name, field, entry); });
    cursor_.set_subject(name);
    if (!fields_.dtype || !fields_.shape || !fields_.data_offsets) {
      cursor_.refuse("expected the keys dtype, shape and data_offsets, found fewer");
    }
    check_size(entry);
  }

  void parse_field(std::string_view name, std::string_view field, TensorEntry& entry) {
    cursor_.set_subject(name, field);
    if (field == "dtype") {
      once(fields_.dtype);
      entry.dtype = parse_dtype();
    } else if (field == "shape") {
      once(fields_.shape);
      entry.shape = parse_shape();
    } else if (field == "data_offsets") {
      once(fields_.data_offsets);
      parse_offsets(entry);
    } else {
      cursor_.set_subject(name);
      cursor_.refuse(
          fmt::format("expected only the keys dtype, shape and data_offsets, found \"{}\"",
                      printable(field, 100)));
    }
  }

  void once(bool& seen) {
    if (std::exchange(seen, true)) {
      cursor_.refuse("appears twice");
    }
  }

  tensor::DType parse_dtype() {
    const std::string_view text = cursor_.string();
    const std::optional<tensor::DType> dtype = tensor::dtype_from_name(text);
    if (dtype) {
      return *dtype;
    }
    if (std::ranges::find(kKnownButUnsupported, text) != kKnownButUnsupported.end()) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("{}: \"{}\": element type {} is not supported", source_,
                              printable(header_.tensors.back().name, 100), text));
    }
    cursor_.refuse(fmt::format("expected the name of an element type such as BF16, found \"{}\"",
                               printable(text, 40)));
  }

  tensor::Shape parse_shape() {
    std::array<std::int64_t, tensor::Shape::kMaxRank> extents{};
    std::size_t rank = 0;
    std::int64_t elements = 1;
    cursor_.each_element([&] {
      const std::int64_t extent = cursor_.natural();
      if (rank == extents.size()) {
        cursor_.refuse(fmt::format("expected at most {} axes, found more", extents.size()));
      }
      if (__builtin_mul_overflow(elements, extent, &elements)) {
        cursor_.refuse("expected less than 2^63 elements, found more");
      }
      extents[rank++] = extent;
    });
    return tensor::Shape(std::span(extents).first(rank));
  }

  // Leaves offsets that count from the start of the data, as in the file.
  void parse_offsets(TensorEntry& entry) {
    std::array<std::int64_t, 2> range{};
    std::size_t count = 0;
    cursor_.each_element([&] {
      const std::int64_t offset = cursor_.natural();
      if (count == range.size()) {
        cursor_.refuse("expected two offsets, found more");
      }
      range[count++] = offset;
    });
    if (count != range.size() || range[1] < range[0]) {
      cursor_.refuse("expected two offsets in ascending order");
    }
    entry.offset = range[0];
    entry.bytes = range[1] - range[0];
  }

  void check_size(const TensorEntry& entry) const {
    std::int64_t expected = 0;
    if (__builtin_mul_overflow(entry.shape.elements(), tensor::dtype_bytes(entry.dtype),
                               &expected)) {
      cursor_.refuse("expected less than 2^63 bytes, found more");
    }
    if (entry.bytes != expected) {
      cursor_.refuse(fmt::format("data_offsets: expected {} bytes for {} {}, found {}", expected,
                                 tensor::dtype_name(entry.dtype), entry.shape.to_string(),
                                 entry.bytes));
    }
  }

  void check_names() {
    std::vector<TensorEntry>& tensors = header_.tensors;
    sort_by_name(tensors);
    const auto twin = std::adjacent_find(
        tensors.begin(), tensors.end(),
        [](const TensorEntry& a, const TensorEntry& b) { return a.name == b.name; });
    if (twin != tensors.end()) {
      fail(fmt::format("the tensor \"{}\" appears twice", printable(twin->name, 100)));
    }
  }

  // What is wrong with the places of the tensors, or nothing. Expects them in the order of the
  // file, which mostly is the order of their data.
  std::string coverage_complaint() const {
    const std::vector<TensorEntry>& tensors = header_.tensors;
    const auto before = [&](std::uint32_t a, std::uint32_t b) {
      return std::pair(tensors[a].offset, tensors[a].bytes) <
             std::pair(tensors[b].offset, tensors[b].bytes);
    };
    std::vector<std::uint32_t> order(tensors.size());
    std::iota(order.begin(), order.end(), 0U);
    if (!std::is_sorted(order.begin(), order.end(), before)) {
      std::sort(order.begin(), order.end(), before);
    }
    std::int64_t end = 0;
    for (const std::uint32_t i : order) {
      const TensorEntry& entry = tensors[i];
      if (entry.offset != end) {
        return fmt::format(
            "\"{}\": data_offsets: expected to begin at {} where the tensor before ends, found {} "
            "({})",
            printable(entry.name, 100), end, entry.offset,
            entry.offset < end ? "tensors overlap" : "a hole between tensors");
      }
      end += entry.bytes;
    }
    return end_complaint(end);
  }

  std::string end_complaint(std::int64_t data_bytes) const {
    const std::int64_t available = file_bytes_ - data_begin();
    if (data_bytes == available) {
      return {};
    }
    return fmt::format("expected {} bytes of tensor data after the header, found {} ({})",
                       data_bytes, available,
                       available < data_bytes ? "the file is cut short; copy or download it again"
                                              : "bytes behind the last tensor");
  }

  std::int64_t data_begin() const { return kHeaderLengthBytes + std::ssize(json_); }

  struct Fields {
    bool dtype = false;
    bool shape = false;
    bool data_offsets = false;
  };

  std::span<char> json_;
  JsonCursor cursor_;
  std::int64_t file_bytes_;
  const std::string& source_;
  SafetensorsHeader header_;
  Fields fields_;
  bool has_metadata_ = false;
  std::int64_t metadata_bytes_ = 0;
};

}  // namespace

std::int64_t check_header_length(std::string_view start, std::int64_t file_bytes,
                                 const std::string& source) {
  const auto refuse = [&](const std::string& what) {
    throw Error(ErrorCode::kCorruptFile,
                fmt::format("{}: not a safetensors file: {}{}", source, what, guess_file(start)));
  };
  if (file_bytes < kHeaderLengthBytes || start.size() < kHeaderLengthBytes) {
    refuse(fmt::format("expected at least {} bytes, found {}", kHeaderLengthBytes, file_bytes));
  }
  const std::int64_t length = little_endian_length(start);
  const std::int64_t limit = std::min(kMaxHeaderBytes, file_bytes - kHeaderLengthBytes);
  if (length < 2 || length > limit) {
    refuse(fmt::format("expected a header of 2 to {} bytes in a file of {}, found a length of {}",
                       std::max<std::int64_t>(limit, 2), file_bytes, length));
  }
  if (start.size() > kHeaderLengthBytes && start[kHeaderLengthBytes] != '{') {
    refuse(fmt::format("expected a header that begins with '{{', found \"{}\"",
                       printable(start.substr(kHeaderLengthBytes, 8))));
  }
  return length;
}

SafetensorsHeader parse_safetensors_header(std::span<char> json, std::int64_t file_bytes,
                                           const std::string& source) {
  check(!json.empty() && json.front() == '{', ErrorCode::kCorruptFile, [&] {
    return fmt::format("{}: not a safetensors file: expected a header that begins with '{{'",
                       source);
  });
  return HeaderParser(json, file_bytes, source).parse();
}

void check_tensor_name(std::string_view name, const std::string& source) {
  const auto refuse = [&](std::string_view what) {
    throw Error(ErrorCode::kCorruptFile,
                fmt::format("{}: tensor name \"{}\": {}", source, printable(name, 100), what));
  };
  if (std::ssize(name) > kMaxNameBytes) {
    refuse(fmt::format("expected at most {} bytes, found {}", kMaxNameBytes, name.size()));
  }
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::ranges::any_of(name, is_control)) {
    refuse("expected no control characters");
  }
  if (name.starts_with("../") || name.find("/../") != std::string_view::npos) {
    refuse("expected no path component \"..\"");
  }
}

}  // namespace minimax::io
