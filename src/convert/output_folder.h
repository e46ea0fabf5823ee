// SPDX-License-Identifier: Apache-2.0
// A folder that appears all at once: its files are written in OUT.partial, which becomes OUT when
// everything is there. What was finished before a crash is known from the manifest.
#pragma once

#include <cstdint>
#include <filesystem>

#include "convert/manifest.h"

namespace minimax::convert {

enum class Unfinished { kRefuse, kResume };

class OutputFolder {
 public:
  /// Makes OUT.partial, or takes up the one that is there where `unfinished` says so: finished
  /// files stay, everything else in it is removed. Throws: Error{kInvalidArgument} where `out` is
  /// there already, or OUT.partial and it may not be taken up or is of another plan; Error{kIo},
  /// also where another process works on it.
  OutputFolder(const std::filesystem::path& out, std::uint64_t plan, Unfinished unfinished);
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  /// True where `out` holds the finished result of this plan already.
  static bool is_finished(const std::filesystem::path& out, std::uint64_t plan);

  /// Where files are written for now.
  const std::filesystem::path& path() const { return partial_; }
  const Manifest& manifest() const { return manifest_; }

  /// Records a file that is written and durable, with its tensors.
  void add(const ManifestFile& file, const std::vector<ManifestTensor>& tensors);

  /// Renames the folder to OUT. Throws: Error{kIo}.
  void commit();

 private:
  void lock();
  void take_up(std::uint64_t plan, Unfinished unfinished);
  void remove_unfinished_files() const;

  std::filesystem::path out_;
  std::filesystem::path partial_;
  Manifest manifest_;
  int lock_fd_ = -1;
};

}  // namespace minimax::convert
