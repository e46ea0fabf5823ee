// SPDX-License-Identifier: Apache-2.0
// Reads a little-endian binary header front to back through a small buffer. Every read is checked
// against the bytes that are left before memory is taken for it.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace minimax::io {

static_assert(std::endian::native == std::endian::little);

/// Messages have the form "source: subject: field: what".
class ByteCursor {
 public:
  /// Fills `out` with the bytes from `offset` on; only asked for bytes inside the file.
  using Fetch = std::function<void(std::int64_t offset, std::span<std::byte> out)>;

  /// Bytes at `max_bytes` and beyond are refused like those behind the end of the file.
  ByteCursor(Fetch fetch, std::int64_t file_bytes, std::int64_t max_bytes, std::string source);

  std::int64_t position() const { return position_; }
  std::int64_t file_bytes() const { return file_bytes_; }
  /// How many bytes may still be read.
  std::int64_t remaining() const { return end_ - position_; }
  const std::string& source() const { return source_; }

  /// What following messages are about: `kind` as it is ("tensor"), `name` from the file.
  void set_subject(std::string_view kind, std::string_view name = {});

  /// The next value of a type with a fixed size.
  /// Throws: Error{kCorruptFile} where the file ends before.
  template <class T>
  T number(std::string_view field) {
    std::array<std::byte, sizeof(T)> bytes;
    read(field, bytes);
    return std::bit_cast<T>(bytes);
  }
  /// The next `count` values of such a type.
  template <class T>
  std::vector<T> numbers(std::string_view field, std::uint64_t count) {
    check_room(field, count, sizeof(T));
    std::vector<T> values(count);
    read(field, std::as_writable_bytes(std::span(values)));
    return values;
  }
  /// A length of eight bytes, then as many bytes.
  std::string string(std::string_view field, std::int64_t max_bytes);

  /// Refuses `count` values of at least `least_bytes` each that do not fit into remaining().
  void check_room(std::string_view field, std::uint64_t count, std::uint64_t least_bytes) const;

  [[noreturn]] void refuse(std::string_view field, const std::string& what) const;
  [[noreturn]] void refuse_as_unsupported(std::string_view field, const std::string& what) const;

 private:
  void read(std::string_view field, std::span<std::byte> out);
  void fill_buffer();
  std::string describe(std::string_view field, const std::string& what) const;

  Fetch fetch_;
  std::int64_t file_bytes_;
  std::int64_t end_;
  std::string source_;
  std::string subject_kind_;
  std::string subject_name_;
  std::int64_t position_ = 0;
  std::vector<std::byte> buffer_;  // the bytes of the file from buffer_begin_ on
  std::int64_t buffer_begin_ = 0;
};

}  // namespace minimax::io
