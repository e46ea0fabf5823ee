// SPDX-License-Identifier: Apache-2.0
#include "io/byte_cursor.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "minimax/error.h"

namespace minimax::io {
namespace {

constexpr std::int64_t kBufferBytes = 64 << 10;

}  // namespace

ByteCursor::ByteCursor(Fetch fetch, std::int64_t file_bytes, std::int64_t max_bytes,
                       std::string source)
    : fetch_(std::move(fetch)),
      file_bytes_(file_bytes),
      end_(std::min(file_bytes, max_bytes)),
      source_(std::move(source)) {}

void ByteCursor::set_subject(std::string_view kind, std::string_view name) {
  subject_kind_ = kind;
  subject_name_ = name;
}

std::string ByteCursor::describe(std::string_view field, const std::string& what) const {
  std::string text = source_;
  if (!subject_kind_.empty()) {
    text += ": " + subject_kind_;
  }
  if (!subject_name_.empty()) {
    text += fmt::format(" \"{}\"", base::printable(subject_name_, 100));
  }
  return fmt::format("{}: {}: {}", text, field, what);
}

void ByteCursor::refuse(std::string_view field, const std::string& what) const {
  throw Error(ErrorCode::kCorruptFile, describe(field, what));
}

void ByteCursor::refuse_as_unsupported(std::string_view field, const std::string& what) const {
  throw Error(ErrorCode::kUnsupported, describe(field, what));
}

void ByteCursor::check_room(std::string_view field, std::uint64_t count,
                            std::uint64_t least_bytes) const {
  // A division, because the product may overflow.
  if (count > static_cast<std::uint64_t>(remaining()) / least_bytes) {
    refuse(field,
           fmt::format("expected {} of {} bytes or more at byte {}, found {} bytes before {}",
                       count, least_bytes, position_, remaining(),
                       end_ == file_bytes_ ? "the end of the file"
                                           : "the limit of the length of a header"));
  }
}

void ByteCursor::fill_buffer() {
  buffer_begin_ = position_;
  buffer_.resize(static_cast<std::size_t>(std::min(kBufferBytes, remaining())));
  fetch_(position_, buffer_);
}

void ByteCursor::read(std::string_view field, std::span<std::byte> out) {
  check_room(field, out.size(), 1);
  while (!out.empty()) {
    const auto begin = static_cast<std::size_t>(position_ - buffer_begin_);
    if (begin >= buffer_.size()) {
      fill_buffer();
      continue;
    }
    const std::size_t count = std::min(out.size(), buffer_.size() - begin);
    std::copy_n(buffer_.begin() + static_cast<std::ptrdiff_t>(begin), count, out.begin());
    out = out.subspan(count);
    position_ += static_cast<std::int64_t>(count);
  }
}

std::string ByteCursor::string(std::string_view field, std::int64_t max_bytes) {
  const auto length = number<std::uint64_t>(field);
  check_room(field, length, 1);
  if (length > static_cast<std::uint64_t>(max_bytes)) {
    refuse(field,
           fmt::format("expected a string of at most {} bytes, found {}", max_bytes, length));
  }
  std::string text(length, '\0');
  read(field, std::as_writable_bytes(std::span(text)));
  return text;
}

}  // namespace minimax::io
