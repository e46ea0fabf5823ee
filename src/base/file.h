// SPDX-License-Identifier: Apache-2.0
// Reading and writing whole files, and text that is safe to show on a terminal.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace minimax::base {

/// The bytes of a regular file.
/// Throws: Error{kIo} where it cannot be read, Error{kCorruptFile} where it is larger than
/// `max_bytes` or not a regular file.
std::string read_file(const std::filesystem::path& path, std::int64_t max_bytes = 1LL << 30);

/// Writes a file piece by piece, through a temporary file in the same folder that commit() renames,
/// so that `path` is either the old or the new content, never half of one. Without commit() the
/// destructor removes the temporary file. All functions throw Error{kIo}.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view bytes);
  void commit();

 private:
  std::filesystem::path path_;
  std::string temporary_;
  int fd_ = -1;
};

/// AtomicFile for a file in one piece.
/// Throws: Error{kIo}.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// `text` with control characters and bytes that are not UTF-8 escaped (\n, \x1b ...) and cut to
/// `max_length` bytes, for names and values from files that go into messages.
std::string printable(std::string_view text, std::size_t max_length = 200);

}  // namespace minimax::base
