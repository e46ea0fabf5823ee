// SPDX-License-Identifier: Apache-2.0
// A large file that is written piece by piece into regions that are known before: what the writers
// of all weight formats share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace minimax::io {

/// All regions are announced first; their bytes may then come in pieces, each region's in order,
/// several regions in turn. They go to a temporary file beside the path, which commit() makes
/// durable and renames: the path is the old file, or the whole new one. Without commit(), the
/// destructor removes the temporary file.
class RegionFile {
 public:
  struct Region {
    std::string name = {};  // for messages
    std::int64_t next = 0;  // file offset of the next byte
    std::int64_t end = 0;
  };

  struct Plan {
    std::string start;  // of the file; what is in no region behind it is zero
    std::vector<Region> regions;
    std::int64_t bytes = 0;  // of the whole file

    /// Sets the start, in front of regions that were counted from 0 on.
    void begin_with(std::string text);
  };

  RegionFile(const RegionFile&) = delete;
  RegionFile& operator=(const RegionFile&) = delete;

  /// Where the bytes go until commit(), for programs that end without running destructors.
  const std::filesystem::path& temporary_path() const { return temporary_; }

  /// The next bytes of regions[index].
  /// Throws: Error{kInvalidArgument} beyond the end of the region, Error{kIo}.
  void append(std::size_t index, std::span<const std::byte> bytes);

  /// Throws: Error{kInvalidArgument} where a region is incomplete, Error{kIo}.
  void commit();

 protected:
  /// Throws: Error{kInvalidArgument} for a `path` that is no regular file; Error{kIo}, also where
  /// the disk has no room for all bytes.
  RegionFile(std::filesystem::path path, Plan plan);
  ~RegionFile();

 private:
  void create();
  void reserve_space(std::int64_t bytes) const;
  void write_at(std::int64_t offset, std::span<const std::byte> bytes) const;
  void sync_folder() const;
  [[noreturn]] void fail_io(const char* verb) const;

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  std::vector<Region> regions_;
  int fd_ = -1;
};

}  // namespace minimax::io
