// SPDX-License-Identifier: Apache-2.0
#include "io/input_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/file.h"

namespace minimax::io {
namespace {

// The kernel moves at most this much per call; a smaller piece also keeps a signal's delay short.
constexpr std::size_t kLargestRead = std::size_t{64} << 20;

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) {
    return "a directory";
  }
  if (S_ISFIFO(mode)) {
    return "a pipe (FIFO)";
  }
  return S_ISSOCK(mode) ? "a socket" : "a device";
}

[[noreturn]] void fail_io(const std::filesystem::path& path, const char* verb, int error) {
  throw Error(ErrorCode::kIo, fmt::format("{}: cannot {}: {}", base::printable(path.string()), verb,
                                          std::strerror(error)));
}

}  // namespace

InputFile::InputFile(const std::filesystem::path& path) : path_(path) {
  // O_NONBLOCK: opening a FIFO that nobody writes to must not hang.
  fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  // A socket or a device without a driver cannot even be opened.
  if (fd_ < 0 && errno == ENXIO) {
    throw Error(ErrorCode::kCorruptFile,
                fmt::format("{}: expected a regular file, found a socket or device",
                            base::printable(path.string())));
  }
  if (fd_ < 0) {
    fail_io(path, "open", errno);
  }
  struct stat info{};
  const int error = ::fstat(fd_, &info) == 0 ? 0 : errno;
  if (error != 0 || !S_ISREG(info.st_mode)) {
    ::close(std::exchange(fd_, -1));
  }
  if (error != 0) {
    fail_io(path, "stat", error);
  }
  base::check(S_ISREG(info.st_mode), ErrorCode::kCorruptFile, [&] {
    return fmt::format("{}: expected a regular file, found {}", base::printable(path.string()),
                       kind_of(info.st_mode));
  });
  bytes_ = info.st_size;
}

InputFile::~InputFile() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

InputFile::InputFile(InputFile&& other) noexcept
    : path_(std::move(other.path_)), bytes_(other.bytes_), fd_(std::exchange(other.fd_, -1)) {}

InputFile& InputFile::operator=(InputFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(bytes_, other.bytes_);
  std::swap(fd_, other.fd_);
  return *this;
}

void InputFile::read(std::int64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const ssize_t got = ::pread(fd_, out.data(), std::min(out.size(), kLargestRead), offset);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      fail_io(path_, "read", errno);
    }
    base::check(got > 0, ErrorCode::kIo, [&] {
      return fmt::format(
          "{}: cannot read: the file ends at byte {}, expected {} more bytes; it was "
          "cut short after it was opened",
          base::printable(path_.string()), offset, out.size());
    });
    out = out.subspan(static_cast<std::size_t>(got));
    offset += got;
  }
}

void InputFile::prefetch(std::int64_t offset, std::int64_t bytes) const noexcept {
  static_cast<void>(::posix_fadvise(fd_, offset, bytes, POSIX_FADV_WILLNEED));
}

}  // namespace minimax::io
