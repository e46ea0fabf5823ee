// SPDX-License-Identifier: Apache-2.0
// A regular file opened for reading at offsets. Reads go through pread, never a mapping: a file
// that another process cuts short while it is read gives an Error instead of SIGBUS.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace minimax::io {

/// Move-only owner of one file descriptor. Thread safety: const members may run concurrently.
class InputFile {
 public:
  /// Never blocks on a FIFO and never reads a device.
  /// Throws: Error{kIo} where it cannot be opened, Error{kCorruptFile} where it is not a regular
  /// file.
  explicit InputFile(const std::filesystem::path& path);
  ~InputFile();
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&& other) noexcept;
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// Size in bytes at opening.
  std::int64_t bytes() const { return bytes_; }

  /// Fills `out` from `offset` on.
  /// Throws: Error{kIo} where the system fails or the file ends before `out` is full.
  void read(std::int64_t offset, std::span<std::byte> out) const;

  /// Asks the system to start reading these bytes; a hint that never fails.
  void prefetch(std::int64_t offset, std::int64_t bytes) const noexcept;

 private:
  std::filesystem::path path_;
  std::int64_t bytes_ = 0;
  int fd_ = -1;
};

}  // namespace minimax::io
