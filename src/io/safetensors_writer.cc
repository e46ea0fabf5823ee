// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors_writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "base/json.h"
#include "io/safetensors_header.h"

namespace minimax::io {
namespace {

namespace fs = std::filesystem;
using base::check;
using base::printable;

constexpr std::size_t kAlignment = 8;  // of the data, so that a mapped file has aligned elements
constexpr int kMostTemporaryNames = 100;

struct Layout {
  std::string header;  // with its length in front
  std::int64_t data_bytes = 0;
};

std::int64_t size_of(const TensorPlan& plan) {
  std::int64_t bytes = 0;
  check(!__builtin_mul_overflow(plan.shape.elements(), tensor::dtype_bytes(plan.dtype), &bytes),
        ErrorCode::kInvalidArgument, [&] {
          return fmt::format("{}: expected less than 2^63 bytes, found {}", printable(plan.name),
                             plan.shape.to_string());
        });
  return bytes;
}

std::string describe(const TensorPlan& plan, std::int64_t begin, std::int64_t end) {
  std::vector<std::int64_t> extents(static_cast<std::size_t>(plan.shape.rank()));
  for (std::size_t axis = 0; axis < extents.size(); ++axis) {
    extents[axis] = plan.shape[static_cast<int>(axis)];
  }
  return fmt::format(R"({}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                     base::quote_json(plan.name), tensor::dtype_name(plan.dtype),
                     fmt::join(extents, ","), begin, end);
}

Layout plan_layout(const std::vector<TensorPlan>& tensors, const Metadata& metadata) {
  std::vector<std::string> members;
  if (!metadata.empty()) {
    base::JsonObject object;
    for (const auto& [key, value] : metadata) {
      object.emplace_back(key, value);
    }
    members.push_back("\"__metadata__\":" + base::write_json(std::move(object)));
  }
  Layout layout;
  for (const TensorPlan& plan : tensors) {
    const std::int64_t begin = layout.data_bytes;
    check(!__builtin_add_overflow(begin, size_of(plan), &layout.data_bytes),
          ErrorCode::kInvalidArgument, "expected less than 2^63 bytes of tensors, found more");
    members.push_back(describe(plan, begin, layout.data_bytes));
  }
  std::string json = fmt::format("{{{}}}", fmt::join(members, ","));
  json.resize((json.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  for (std::size_t i = 0; i < kHeaderLengthBytes; ++i) {
    layout.header += static_cast<char>((json.size() >> (8 * i)) & 0xff);
  }
  layout.header += json;
  return layout;
}

// Whatever the reader would refuse is refused before anything is written.
void check_readable(const Layout& layout, const std::string& source) {
  try {
    const std::int64_t file_bytes = std::ssize(layout.header) + layout.data_bytes;
    check_header_length(std::string_view(layout.header).substr(0, kFileStartBytes), file_bytes,
                        source);
    std::string json = layout.header.substr(kHeaderLengthBytes);
    parse_safetensors_header(json, file_bytes, source);
  } catch (const Error& error) {
    throw Error(ErrorCode::kInvalidArgument, error.what());
  }
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(fs::path path, const std::vector<TensorPlan>& tensors,
                                     const Metadata& metadata)
    : path_(std::move(path)) {
  const Layout layout = plan_layout(tensors, metadata);
  check_readable(layout, printable(path_.string()));
  std::int64_t offset = std::ssize(layout.header);
  for (const TensorPlan& plan : tensors) {
    const std::int64_t bytes = size_of(plan);
    regions_.push_back({plan.name, offset, offset + bytes});
    offset += bytes;
  }
  create();
  try {
    reserve_space(offset);
    write_at(0, std::as_bytes(std::span(layout.header)));
  } catch (...) {
    ::close(fd_);
    ::unlink(temporary_.c_str());
    throw;
  }
}

SafetensorsWriter::~SafetensorsWriter() {
  if (fd_ >= 0) {
    ::close(fd_);
    ::unlink(temporary_.c_str());
  }
}

void SafetensorsWriter::create() {
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

void SafetensorsWriter::reserve_space(std::int64_t bytes) const {
  // A full disk shows now and not after hours; file systems without this call show it later.
  if (::fallocate(fd_, 0, 0, bytes) != 0 &&
      (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)) {
    fail_io(fmt::format("reserve {} bytes", bytes).c_str());
  }
}

void SafetensorsWriter::append(std::size_t index, std::span<const std::byte> bytes) {
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

void SafetensorsWriter::write_at(std::int64_t offset, std::span<const std::byte> bytes) const {
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

void SafetensorsWriter::commit() {
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

void SafetensorsWriter::sync_folder() const {
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

void SafetensorsWriter::fail_io(const char* verb) const {
  const int error = errno;
  throw Error(ErrorCode::kIo, fmt::format("{}: cannot {}: {}", printable(path_.string()), verb,
                                          std::strerror(error)));
}

}  // namespace minimax::io
