// SPDX-License-Identifier: Apache-2.0
#include "io/gguf_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/file.h"
#include "io/file_guess.h"
#include "io/gguf_types.h"
#include "io/safetensors_header.h"

namespace minimax::io {
namespace {

constexpr std::uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr std::uint32_t kOldestVersion = 2;
constexpr std::uint32_t kNewestVersion = 3;
constexpr std::int64_t kFixedBytes = 24;
constexpr std::int64_t kDefaultAlignment = 32;
constexpr std::int64_t kMinAlignment = 8;
constexpr std::uint32_t kMaxAxes = 4;

constexpr std::uint32_t kBooleanType = 7;
constexpr std::uint32_t kStringType = 8;
constexpr std::uint32_t kArrayType = 9;
constexpr std::uint32_t kTypes = std::variant_size_v<GgufValue>;

// What a key, an array's string or a tensor takes at least: bounds counts before memory is taken.
constexpr std::uint64_t kLeastKeyBytes = 8 + 1 + 4 + 1;
constexpr std::uint64_t kLeastStringBytes = 8;
constexpr std::uint64_t kLeastTensorBytes = 8 + 1 + 4 + 4 + 8;

template <class T>
struct ElementOf {};
template <class T>
struct ElementOf<std::vector<T>> {
  using Type = T;
};

std::int64_t align_up(std::int64_t value, std::int64_t alignment) {
  return (value + alignment - 1) & -alignment;
}

// Calls visit.operator()<i>() for the run-time index i.
template <class Result, std::size_t kCount, class Visit>
Result visit_index(std::size_t index, const Visit& visit) {
  return [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
    using Function = Result (*)(const Visit&);
    constexpr std::array<Function, kCount> kTable = {
        [](const Visit& v) -> Result { return v.template operator()<kIndex>(); }...};
    return kTable.at(index)(visit);
  }(std::make_index_sequence<kCount>());
}

class HeaderParser {
 public:
  explicit HeaderParser(ByteCursor& cursor)
      : cursor_(cursor), header_{GgufMetadata(cursor.source()), {}} {}

  GgufHeader parse() {
    check_magic();
    check_version(cursor_.number<std::uint32_t>("version"));
    const auto tensors = cursor_.number<std::uint64_t>("tensor_count");
    const auto keys = cursor_.number<std::uint64_t>("metadata_kv_count");
    check_counts(tensors, keys);
    for (std::uint64_t i = 0; i < keys; ++i) {
      parse_key();
    }
    read_alignment();
    check_data_room(tensors);
    header_.tensors.reserve(tensors);
    for (std::uint64_t i = 0; i < tensors; ++i) {
      parse_tensor();
    }
    place_data();
    check_names();
    return std::move(header_);
  }

 private:
  void check_magic() {
    const std::int64_t bytes = cursor_.file_bytes();
    if (bytes < kFixedBytes) {
      cursor_.refuse("not a GGUF file",
                     fmt::format("expected at least {} bytes, found {}", kFixedBytes, bytes));
    }
    const auto magic = cursor_.number<std::array<char, 4>>("magic");
    const std::string_view start(magic.data(), magic.size());
    if (std::bit_cast<std::uint32_t>(magic) != kMagic) {
      cursor_.refuse("not a GGUF file", fmt::format("expected the magic \"GGUF\", found \"{}\"{}",
                                                    base::printable(start), guess_file(start)));
    }
  }

  void check_version(std::uint32_t version) const {
    if (version >= kOldestVersion && version <= kNewestVersion) {
      return;
    }
    // A version in the other byte order has its low half empty.
    if (version != 0 && (version & 0xffff) == 0) {
      cursor_.refuse_as_unsupported("version", "expected a little-endian file, found big-endian");
    }
    cursor_.refuse_as_unsupported("version", fmt::format("expected {} or {}, found {}",
                                                         kOldestVersion, kNewestVersion, version));
  }

  void check_at_most(std::string_view field, std::uint64_t value, std::int64_t limit) const {
    if (value > static_cast<std::uint64_t>(limit)) {
      cursor_.refuse(field, fmt::format("expected at most {}, found {}", limit, value));
    }
  }

  void check_counts(std::uint64_t tensors, std::uint64_t keys) const {
    check_at_most("tensor_count", tensors, kMaxGgufTensors);
    check_at_most("metadata_kv_count", keys, kMaxGgufKeys);
    cursor_.check_room("metadata_kv_count", keys, kLeastKeyBytes);
    cursor_.check_room("tensor_count", tensors, kLeastTensorBytes);
  }

  void parse_key() {
    cursor_.set_subject("metadata");
    std::string key = cursor_.string("key", kMaxGgufKeyBytes);
    const auto is_control = [](char c) {
      return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    };
    if (key.empty() || std::ranges::any_of(key, is_control)) {
      cursor_.refuse("key", fmt::format("expected text without control characters, found \"{}\"",
                                        base::printable(key, 100)));
    }
    cursor_.set_subject("key", key);
    const auto type = cursor_.number<std::uint32_t>("type");
    check_type("type", type);
    GgufValue value = visit_index<GgufValue, kTypes>(
        type, [this]<std::size_t kIndex>() { return GgufValue(parse_value<kIndex>()); });
    if (!header_.metadata.insert(std::move(key), std::move(value))) {
      cursor_.refuse("key", "appears twice");
    }
  }

  void check_type(std::string_view field, std::uint32_t type) const {
    if (type >= kTypes) {
      cursor_.refuse(field, fmt::format("expected 0 to {}, found {}", kTypes - 1, type));
    }
  }

  bool parse_boolean() {
    const auto value = cursor_.number<std::uint8_t>("value");
    if (value > 1) {
      cursor_.refuse("value", fmt::format("expected a boolean, 0 or 1, found {}", value));
    }
    return value == 1;
  }

  template <std::size_t kType>
  GgufValue parse_value() {
    using Value = std::variant_alternative_t<kType, GgufValue>;
    if constexpr (kType == kArrayType) {
      return parse_array();
    } else if constexpr (kType == kStringType) {
      return cursor_.string("value", kMaxGgufHeaderBytes);
    } else if constexpr (kType == kBooleanType) {
      return parse_boolean();
    } else {
      return cursor_.number<Value>("value");
    }
  }

  GgufArray parse_array() {
    const auto type = cursor_.number<std::uint32_t>("element type");
    check_type("element type", type);
    if (type == kArrayType) {
      cursor_.refuse_as_unsupported("element type", "expected plain values, found arrays");
    }
    const auto count = cursor_.number<std::uint64_t>("element count");
    return visit_index<GgufArray, kTypes>(type, [this, count]<std::size_t kIndex>() {
      return GgufArray(std::in_place_index<kIndex>, parse_elements<kIndex>(count));
    });
  }

  template <std::size_t kType>
  auto parse_elements(std::uint64_t count) {
    using Array = std::variant_alternative_t<kType, GgufArray>;
    if constexpr (kType == kArrayType) {
      return Array();  // refused by parse_array
    } else if constexpr (kType == kStringType) {
      return parse_strings(count);
    } else if constexpr (kType == kBooleanType) {
      return parse_booleans(count);
    } else {
      return cursor_.numbers<typename ElementOf<Array>::Type>("elements", count);
    }
  }

  std::vector<std::string> parse_strings(std::uint64_t count) {
    cursor_.check_room("elements", count, kLeastStringBytes);
    std::vector<std::string> strings;
    strings.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) {
      strings.push_back(cursor_.string("elements", kMaxGgufHeaderBytes));
    }
    return strings;
  }

  std::vector<bool> parse_booleans(std::uint64_t count) {
    cursor_.check_room("elements", count, 1);
    std::vector<bool> values(count);
    for (std::uint64_t i = 0; i < count; ++i) {
      values[i] = parse_boolean();
    }
    return values;
  }

  void read_alignment() {
    alignment_ = header_.metadata.integer("general.alignment").value_or(kDefaultAlignment);
    cursor_.set_subject("key", "general.alignment");
    if (alignment_ < kMinAlignment || alignment_ > kMaxGgufAlignment ||
        !std::has_single_bit(static_cast<std::uint64_t>(alignment_))) {
      cursor_.refuse("value", fmt::format("expected a power of two from {} to {}, found {}",
                                          kMinAlignment, kMaxGgufAlignment, alignment_));
    }
    cursor_.set_subject({});
  }

  // Every tensor but the last takes a whole unit of alignment behind the header.
  void check_data_room(std::uint64_t tensors) const {
    cursor_.check_room("tensor_count", tensors, kLeastTensorBytes);
    const auto left = static_cast<std::uint64_t>(cursor_.file_bytes() - cursor_.position());
    const std::uint64_t limit =
        left / (kLeastTensorBytes + static_cast<std::uint64_t>(alignment_)) + 1;
    if (tensors > limit) {
      cursor_.refuse(
          "tensor_count",
          fmt::format("expected at most {} tensors in {} bytes, found {}", limit, left, tensors));
    }
  }

  void parse_tensor() {
    cursor_.set_subject("tensor list");
    TensorEntry& entry = header_.tensors.emplace_back();
    entry.name = cursor_.string("name", kMaxNameBytes);
    check_tensor_name(entry.name, cursor_.source());
    if (entry.name.empty()) {
      cursor_.refuse("name", "expected a name, found an empty one");
    }
    cursor_.set_subject("tensor", entry.name);
    entry.shape = parse_shape();
    parse_type(entry);
    const auto offset = cursor_.number<std::uint64_t>("offset");
    if (offset != static_cast<std::uint64_t>(data_bytes_)) {
      cursor_.refuse("offset",
                     fmt::format("expected {}, behind the tensor before and at a multiple of {}, "
                                 "found {}",
                                 data_bytes_, alignment_, offset));
    }
    if (entry.bytes > cursor_.file_bytes() - data_bytes_) {
      cursor_.refuse("data", fmt::format("expected {} bytes, found a file of {}", entry.bytes,
                                         cursor_.file_bytes()));
    }
    entry.offset = data_bytes_;
    data_bytes_ = align_up(data_bytes_ + entry.bytes, alignment_);
  }

  tensor::Shape parse_shape() {
    const auto axes = cursor_.number<std::uint32_t>("n_dimensions");
    check_at_most("n_dimensions", axes, kMaxAxes);
    std::array<std::int64_t, kMaxAxes> extents{};
    std::int64_t elements = 1;
    for (std::uint32_t axis = 0; axis < axes; ++axis) {
      const auto extent = cursor_.number<std::uint64_t>("dimensions");
      if (extent == 0 || __builtin_mul_overflow(elements, extent, &elements)) {
        cursor_.refuse(
            "dimensions",
            fmt::format("expected extents from 1 with a product below 2^63, found {}", extent));
      }
      extents[axes - 1 - axis] = static_cast<std::int64_t>(extent);  // the innermost comes first
    }
    return tensor::Shape(std::span(extents).first(axes));
  }

  void parse_type(TensorEntry& entry) {
    const auto type = cursor_.number<std::uint32_t>("type");
    entry.format = find_block_format(type);
    const std::optional<tensor::DType> plain = find_plain_type(type);
    if (!entry.format && !plain) {
      refuse_type(type);
    }
    entry.dtype = plain.value_or(tensor::DType::kU8);
    std::int64_t units = entry.shape.elements();
    std::int64_t unit_bytes = tensor::dtype_bytes(entry.dtype);
    if (entry.format) {
      const quant::FormatInfo& format = quant::info(*entry.format);
      check_rows(entry.shape, format);
      units /= format.block_elements;
      unit_bytes = format.block_bytes;
    }
    if (__builtin_mul_overflow(units, unit_bytes, &entry.bytes)) {
      cursor_.refuse("dimensions", fmt::format("expected fewer than 2^63 bytes, found {} times {}",
                                               units, unit_bytes));
    }
  }

  [[noreturn]] void refuse_type(std::uint32_t type) const {
    const std::string_view name = unsupported_type_name(type);
    if (name.empty()) {
      cursor_.refuse("type", fmt::format("expected the number of a tensor type, found {}", type));
    }
    cursor_.refuse_as_unsupported(
        "type", fmt::format("expected a supported type, found {} ({})", type, name));
  }

  void check_rows(const tensor::Shape& shape, const quant::FormatInfo& format) const {
    const std::int64_t row = shape.rank() == 0 ? 1 : shape[-1];
    if (row % format.block_elements != 0) {
      cursor_.refuse("dimensions", fmt::format("expected rows in blocks of {} elements for {}, "
                                               "found rows of {}",
                                               format.block_elements, format.name, row));
    }
  }

  // The data begins behind the padding of the header, and nothing follows it but padding.
  void place_data() {
    const std::int64_t bytes = cursor_.file_bytes();
    const std::int64_t begin = align_up(cursor_.position(), alignment_);
    std::int64_t end = header_.tensors.empty() ? cursor_.position() : begin;
    for (TensorEntry& entry : header_.tensors) {
      entry.offset += begin;
      end = entry.offset + entry.bytes;
      if (end > bytes) {
        cursor_.set_subject("tensor", entry.name);
        cursor_.refuse("data", fmt::format("expected bytes {} to {}, found a file of {} bytes",
                                           entry.offset, end, bytes));
      }
    }
    if (bytes > align_up(end, alignment_)) {
      cursor_.set_subject({});
      cursor_.refuse(
          "data",
          fmt::format("expected an end at byte {} or its padding, found {} bytes", end, bytes));
    }
  }

  void check_names() {
    std::vector<TensorEntry>& tensors = header_.tensors;
    sort_by_name(tensors);
    const auto twin = std::ranges::adjacent_find(tensors, {}, &TensorEntry::name);
    if (twin != tensors.end()) {
      cursor_.set_subject("tensor", twin->name);
      cursor_.refuse("name", "appears twice");
    }
  }

  ByteCursor& cursor_;
  GgufHeader header_;
  std::int64_t alignment_ = kDefaultAlignment;
  std::int64_t data_bytes_ = 0;  // of the tensors so far, each padded
};

}  // namespace

GgufHeader parse_gguf_header(ByteCursor& cursor) { return HeaderParser(cursor).parse(); }

}  // namespace minimax::io
