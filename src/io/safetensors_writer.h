// SPDX-License-Identifier: Apache-2.0
// Writes one safetensors file of any size piece by piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "io/checkpoint.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace minimax::io {

/// A tensor that is going to be written.
struct TensorPlan {
  std::string name = {};
  tensor::DType dtype = tensor::DType::kF32;
  tensor::Shape shape;
};

/// All tensors are announced first; their data may then come in pieces, each tensor's in order,
/// several tensors in turn. The bytes go to a temporary file beside `path`, which commit() makes
/// durable and renames: `path` is the old file, or the whole new one.
/// Without commit(), the destructor removes the temporary file.
class SafetensorsWriter {
 public:
  /// Throws: Error{kInvalidArgument} for names that the reader would refuse or a `path` that is
  /// no regular file; Error{kIo}, also where the disk has no room for all data.
  SafetensorsWriter(std::filesystem::path path, const std::vector<TensorPlan>& tensors,
                    const Metadata& metadata = {});
  ~SafetensorsWriter();
  SafetensorsWriter(const SafetensorsWriter&) = delete;
  SafetensorsWriter& operator=(const SafetensorsWriter&) = delete;

  /// Where the bytes go until commit(), for programs that end without running destructors.
  const std::filesystem::path& temporary_path() const { return temporary_; }

  /// The next bytes of tensors[index], little-endian and row-major.
  /// Throws: Error{kInvalidArgument} beyond the end of the tensor, Error{kIo}.
  void append(std::size_t index, std::span<const std::byte> bytes);

  /// Throws: Error{kInvalidArgument} where a tensor is incomplete, Error{kIo}.
  void commit();

 private:
  struct Region {
    std::string name = {};
    std::int64_t next = 0;  // file offset of the next byte
    std::int64_t end = 0;
  };

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
