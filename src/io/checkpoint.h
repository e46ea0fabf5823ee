// SPDX-License-Identifier: Apache-2.0
// What a checkpoint holds, as a plain value: names, types, shapes and where the bytes lie.
// Every format reader returns this one; CheckpointReader fetches the bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace minimax::quant {
enum class Format : std::uint8_t;  // quant/format.h
}  // namespace minimax::quant

namespace minimax::io {

/// One tensor. A reader guarantees that [offset, offset + bytes) lies inside the file and that
/// `bytes` is the size of `shape` elements of `dtype` or, where they are stored in blocks, of the
/// blocks of its rows: an innermost extent is then a multiple of the elements of a block.
/// The bytes of a joined tensor lie nowhere as they are: CheckpointReader makes them.
struct TensorEntry {
  std::string name;
  tensor::DType dtype = tensor::DType::kF32;  // kU8, the bytes of blocks, where `format` is set
  std::optional<quant::Format> format;        // of blocks; absent: plain elements of `dtype`
  std::int32_t file = 0;                      // index into Checkpoint::files
  std::int32_t joined = -1;                   // index into Checkpoint::joined; below 0: none
  std::int64_t offset = 0;                    // bytes from the start of the file
  std::int64_t bytes = 0;
  tensor::Shape shape;
};

/// The name of what its elements are stored in: "BF16", "Q4_0" ...
std::string_view type_name(const TensorEntry& entry);

/// Weights whose codes and scales are tensors of their own (io/joined_tensor.h), as blocks. All
/// parts have the sizes that follow from the shape.
struct JoinedTensor {
  quant::Format format{};                         // kNF4, kFP4, kInt8F32 or kFP8
  TensorEntry codes;                              // two of 4 bits in a byte, int8 or e4m3
  TensorEntry absmax;                             // F32; U8 where scales are quantized themselves;
                                                  // for e4m3 the scales, also F16 or BF16
  std::int64_t block_elements = 0;                // that share a scale; for int8 those of a row
  std::int64_t block_rows = 1;                    // for e4m3: rows of a matrix that share one; the
                                                  // elements of the tensor where all do
  std::optional<TensorEntry> nested_absmax = {};  // F32
  std::int64_t nested_block_elements = 0;
  std::vector<float> nested_map = {};  // [256]
  float nested_offset = 0.0f;
};

struct CheckpointFile {
  std::filesystem::path path;
  std::int64_t bytes = 0;  // size when it was validated
};

using Metadata = std::map<std::string, std::string, std::less<>>;

struct Checkpoint {
  Metadata metadata;                 // of all files; the first file that has a key decides
  std::vector<TensorEntry> tensors;  // sorted by name, names unique
  std::vector<CheckpointFile> files;
  std::vector<JoinedTensor> joined;   // of the entries that name one
  std::vector<std::string> warnings;  // oddities that do not stop a load, ready to be shown

  /// The tensor of that name, or null.
  const TensorEntry* find(std::string_view name) const;
  /// The tensor of that name. Throws: Error{kCorruptFile} where there is none.
  const TensorEntry& require(std::string_view name) const;
  /// The file that holds `entry`.
  const CheckpointFile& file_of(const TensorEntry& entry) const;
};

/// Puts the tensors in the order that Checkpoint promises; equal names become neighbours.
void sort_by_name(std::vector<TensorEntry>& tensors);

/// Puts the tensors of all files in the order that Checkpoint promises.
/// Throws: Error{kCorruptFile} naming a tensor that two files have, and both files.
void merge_files(Checkpoint& checkpoint);

}  // namespace minimax::io
