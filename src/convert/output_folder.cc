// SPDX-License-Identifier: Apache-2.0
#include "convert/output_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/file.h"

namespace minimax::convert {
namespace {

namespace fs = std::filesystem;
using base::check;
using base::printable;

constexpr const char* kLockFile = "lock";

[[noreturn]] void fail_io(const fs::path& path, std::string_view verb, int error) {
  throw Error(ErrorCode::kIo, fmt::format("{}: cannot {}: {}", printable(path.string()), verb,
                                          std::strerror(error)));
}

// Makes names in a folder durable.
void sync_folder(const fs::path& folder) {
  const int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    return;  // a folder that may be written but not read
  }
  const int result = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  if (result != 0 && error != EINVAL) {
    fail_io(folder, "make it durable", error);
  }
}

fs::path without_slash(const fs::path& path) {
  return path.has_filename() ? path : path.parent_path();
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::symlink_status(path, ignored).type() != fs::file_type::not_found;
}

}  // namespace

OutputFolder::OutputFolder(const fs::path& out, std::uint64_t plan, Unfinished unfinished)
    : out_(without_slash(out)), partial_(out_.string() + ".partial") {
  check(!is_there(out_), ErrorCode::kInvalidArgument, [&] {
    return fmt::format("{}: expected a path where nothing is yet", printable(out_.string()));
  });
  const bool was_there = is_there(partial_);
  check(!was_there || unfinished == Unfinished::kResume, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("{}: an unfinished result lies there; resume it, or remove it",
                       printable(partial_.string()));
  });
  std::error_code error;
  if (!was_there && !fs::create_directory(partial_, error)) {
    fail_io(partial_, "create", error.value());
  }
  lock();
  try {
    take_up(plan, unfinished);
  } catch (...) {
    ::close(lock_fd_);
    throw;
  }
}

OutputFolder::~OutputFolder() {
  if (lock_fd_ >= 0) {
    ::close(lock_fd_);
  }
}

void OutputFolder::lock() {
  const fs::path path = partial_ / kLockFile;
  lock_fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (lock_fd_ < 0) {
    fail_io(path, "create", errno);
  }
  if (::flock(lock_fd_, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    ::close(std::exchange(lock_fd_, -1));
    fail_io(partial_, error == EWOULDBLOCK ? "lock: another process is writing it" : "lock", error);
  }
}

void OutputFolder::take_up(std::uint64_t plan, Unfinished unfinished) {
  const fs::path path = partial_ / kManifestFile;
  if (unfinished == Unfinished::kResume && is_there(path)) {
    manifest_ = read_manifest(path);
    check(manifest_.plan == plan, ErrorCode::kInvalidArgument, [&] {
      return fmt::format(
          "{}: expected what the same command began, found the start of another: the model or "
          "an option differs; remove it to start again",
          printable(partial_.string()));
    });
  }
  manifest_.plan = plan;
  remove_unfinished_files();
}

void OutputFolder::remove_unfinished_files() const {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(partial_, error)) {
    const std::string name = entry.path().filename().string();
    const bool is_kept = name == kLockFile || name == kManifestFile || manifest_.has_file(name);
    if (!is_kept && entry.is_regular_file(error)) {
      fs::remove(entry.path(), error);
    }
  }
}

bool OutputFolder::is_finished(const fs::path& out, std::uint64_t plan) {
  const fs::path path = out / kManifestFile;
  return is_there(path) && read_manifest(path).plan == plan;
}

void OutputFolder::add(const ManifestFile& file, const std::vector<ManifestTensor>& tensors) {
  manifest_.files.push_back(file);
  manifest_.tensors.insert(manifest_.tensors.end(), tensors.begin(), tensors.end());
  write_manifest(manifest_, partial_ / kManifestFile);
  sync_folder(partial_);
}

void OutputFolder::commit() {
  std::error_code ignored;
  fs::remove(partial_ / kLockFile, ignored);
  sync_folder(partial_);
  // An empty folder that somebody made meanwhile is replaced; anything else is not.
  if (::rename(partial_.c_str(), out_.c_str()) != 0) {
    fail_io(out_, "rename the finished folder to it", errno);
  }
  sync_folder(out_.parent_path());
  ::close(std::exchange(lock_fd_, -1));
}

}  // namespace minimax::convert
