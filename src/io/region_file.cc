// SPDX-License-Identifier: Apache-2.0
#include "io/region_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/file.h"

namespace minimax::io {
namespace {

namespace fs = std::filesystem;
using base::check;
using base::printable;

constexpr int kMostTemporaryNames = 100;

}  // namespace

void RegionFile::Plan::begin_with(std::string text) {
  start = std::move(text);
  bytes += std::ssize(start);
  for (Region& region : regions) {
    region.next += std::ssize(start);
    region.end += std::ssize(start);
  }
}

RegionFile::RegionFile(fs::path path, Plan plan)
    : path_(std::move(path)), regions_(std::move(plan.regions)) {
  create();
  try {
    reserve_space(plan.bytes);
    write_at(0, std::as_bytes(std::span(plan.start)));
  } catch (...) {
    ::close(fd_);
    ::unlink(temporary_.c_str());
    throw;
  }
}

RegionFile::~RegionFile() {
  if (fd_ >= 0) {
    ::close(fd_);
    ::unlink(temporary_.c_str());
  }
}

void RegionFile::create() {
  std::error_code ignored;
  const fs::file_status status = fs::status(path_, ignored);
  check(!fs::exists(status) || fs::is_regular_file(status), ErrorCode::kInvalidArgument, [&] {
    return fmt::format("{}: expected a new or regular file to write, found a folder or device",
                       printable(path_.string()));
  });
  if (fs::is_symlink(fs::symlink_status(path_, ignored)) && fs::exists(status)) {
    // The rename must replace the file, not the link to it.
    path_ = fs::canonical(path_);
  }
  for (int i = 0; i < kMostTemporaryNames && fd_ < 0; ++i) {
    temporary_ = fmt::format("{}.{}-{}.partial", path_.string(), ::getpid(), i);
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd_ < 0 && errno != EEXIST) {
      break;
    }
  }
  if (fd_ < 0) {
    fail_io("create a temporary file beside it");
  }
}

void RegionFile::reserve_space(std::int64_t bytes) const {
  // A full disk shows now and not after hours; file systems without this call show it later.
  if (::fallocate(fd_, 0, 0, bytes) != 0 &&
      (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)) {
    fail_io(fmt::format("reserve {} bytes", bytes).c_str());
  }
  if (::ftruncate(fd_, bytes) != 0) {
    fail_io("write");
  }
}

void RegionFile::append(std::size_t index, std::span<const std::byte> bytes) {
  check(fd_ >= 0 && index < regions_.size(), ErrorCode::kInvalidArgument,
        "append: expected an announced tensor of an open file");
  Region& region = regions_[index];
  check(std::ssize(bytes) <= region.end - region.next, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("{}: expected at most {} more bytes, found {}", printable(region.name),
                       region.end - region.next, bytes.size());
  });
  write_at(region.next, bytes);
  region.next += std::ssize(bytes);
}

void RegionFile::write_at(std::int64_t offset, std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(fd_, bytes.data(), bytes.size(), offset);
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written < 0) {
      fail_io("write");
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += written;
  }
}

void RegionFile::commit() {
  check(fd_ >= 0, ErrorCode::kInvalidArgument, "commit: expected an open file");
  for (const Region& region : regions_) {
    check(region.next == region.end, ErrorCode::kInvalidArgument, [&] {
      return fmt::format("{}: expected {} more bytes before the file is complete",
                         printable(region.name), region.end - region.next);
    });
  }
  if (::fsync(fd_) != 0) {
    fail_io("write");
  }
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    fail_io("rename the temporary file to it");
  }
  ::close(std::exchange(fd_, -1));
  sync_folder();
}

void RegionFile::sync_folder() const {
  const fs::path folder = path_.has_parent_path() ? path_.parent_path() : fs::path(".");
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    return;  // a folder that may be written but not read: the rename has happened all the same
  }
  const int result = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  if (result != 0 && error != EINVAL) {
    errno = error;
    fail_io("make the folder durable");
  }
}

void RegionFile::fail_io(const char* verb) const {
  const int error = errno;
  throw Error(ErrorCode::kIo, fmt::format("{}: cannot {}: {}", printable(path_.string()), verb,
                                          std::strerror(error)));
}

}  // namespace minimax::io
