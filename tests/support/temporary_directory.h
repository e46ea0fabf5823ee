// SPDX-License-Identifier: Apache-2.0
// A folder for the files of one test, removed at its end.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace minimax::testing {

class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }

  /// Writes a file and the folders above it; returns its path.
  std::filesystem::path write(const std::filesystem::path& name, std::string_view bytes) const;

 private:
  std::filesystem::path path_;
};

/// The bytes of a file, empty where it cannot be read.
std::string read_bytes(const std::filesystem::path& path);

}  // namespace minimax::testing
