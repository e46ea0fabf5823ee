// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace minimax::base {
namespace {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  int get() const { return fd_; }

 private:
  int fd_;
};

[[noreturn]] void fail_io(const std::filesystem::path& path, const char* verb) {
  const int error = errno;
  throw Error(ErrorCode::kIo, fmt::format("{}: cannot {}: {}", printable(path.string()), verb,
                                          std::strerror(error)));
}

void write_all(int fd, std::string_view bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written < 0) {
      fail_io(path, "write");
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

// The largest length up to `limit` that does not end inside a character of UTF-8.
std::size_t cut_between_characters(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) {
    return text.size();
  }
  std::size_t length = limit;
  while (length > 0 && limit - length < 3 &&
         (static_cast<unsigned char>(text[length]) & 0xc0u) == 0x80u) {
    --length;
  }
  return length;
}

// The bytes of the character that `text` begins with; 0 where it does not begin with UTF-8.
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) {
    return 1;
  }
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) {
    return 0;
  }
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0u) != 0x80u) {
      return 0;
    }
  }
  // Forms that are too long, surrogates, and what lies beyond U+10FFFF.
  const bool is_wrong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) ||
                        (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f);
  return is_wrong ? 0 : length;
}

void append_printable(std::string_view character, bool is_utf8, std::string& out) {
  const auto first = static_cast<unsigned char>(character.front());
  const auto last = static_cast<unsigned char>(character.back());
  if (first == '\n') {
    out += "\\n";
  } else if (!is_utf8 || first < 0x20 || first == 0x7f) {
    out += fmt::format("\\x{:02x}", first);
  } else if (first == 0xc2 && last < 0xa0) {
    // U+0080 to U+009F: some terminals take these for the start of a command, like ESC.
    out += fmt::format("\\x{:02x}", last);
  } else {
    out += character;
  }
}

}  // namespace

std::string read_file(const std::filesystem::path& path, std::int64_t max_bytes) {
  // O_NONBLOCK: opening a FIFO that nobody writes to must not hang.
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) {
    fail_io(path, "open");
  }
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) {
    fail_io(path, "stat");
  }
  check(S_ISREG(info.st_mode), ErrorCode::kCorruptFile, [&] {
    return fmt::format("{}: expected a regular file, found a directory, device or pipe",
                       printable(path.string()));
  });
  check(info.st_size <= max_bytes, ErrorCode::kCorruptFile, [&] {
    return fmt::format("{}: expected at most {} bytes, found {}", printable(path.string()),
                       max_bytes, static_cast<std::int64_t>(info.st_size));
  });
  std::string bytes(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::read(fd.get(), bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      fail_io(path, "read");
    }
    if (got == 0) {
      break;
    }
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  std::error_code ignored;
  const std::filesystem::file_status status = std::filesystem::status(path_, ignored);
  // A rename would put a plain file in the place of a device such as /dev/null.
  check(!std::filesystem::exists(status) || std::filesystem::is_regular_file(status),
        ErrorCode::kIo, [&] {
          return fmt::format(
              "{}: expected a new or regular file to write, found a directory, device or pipe",
              printable(path_.string()));
        });
  temporary_ = path_.string() + ".XXXXXX";
  fd_ = ::mkostemp(temporary_.data(), O_CLOEXEC);
  if (fd_ < 0) {
    fail_io(path_, "create a temporary file beside it");
  }
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) {
    ::close(fd_);
    ::unlink(temporary_.c_str());
  }
}

void AtomicFile::write(std::string_view bytes) { write_all(fd_, bytes, path_); }

void AtomicFile::commit() {
  if (::fchmod(fd_, 0644) != 0 || ::fsync(fd_) != 0) {
    fail_io(path_, "write");
  }
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    fail_io(path_, "rename the temporary file to it");
  }
  ::close(std::exchange(fd_, -1));
}

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

std::string printable(std::string_view text, std::size_t max_length) {
  std::string out;
  const std::string_view shown = text.substr(0, cut_between_characters(text, max_length));
  for (std::size_t i = 0; i < shown.size();) {
    const std::size_t length = character_length(shown.substr(i));
    const std::string_view character = shown.substr(i, std::max<std::size_t>(length, 1));
    append_printable(character, length > 0, out);
    i += character.size();
  }
  if (shown.size() < text.size()) {
    out += fmt::format("... ({} bytes)", text.size());
  }
  return out;
}

}  // namespace minimax::base
