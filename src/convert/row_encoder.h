// SPDX-License-Identifier: Apache-2.0
// Rows of a stored tensor to blocks, on several threads and piece by piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "convert/importance.h"
#include "convert/quantize_plan.h"
#include "cpu/thread_pool.h"
#include "io/checkpoint_reader.h"

namespace minimax::convert {

class RowEncoder {
 public:
  /// Requires: all outlive this object. `importance` may be null.
  RowEncoder(const io::CheckpointReader& reader, const ImportanceMatrix* importance,
             cpu::ThreadPool& pool)
      : reader_(reader), importance_(importance), pool_(pool) {}

  /// Calls take(bytes, elements) with the blocks of all rows of `planned` in order, some tens of
  /// megabytes at a time.
  /// Throws: Error{kCorruptFile} naming tensor and row where a weight is not finite; Error{kIo};
  /// what `take` throws.
  void encode(const PlannedTensor& planned,
              const std::function<void(std::span<const std::byte>, std::int64_t)>& take);

 private:
  void encode_piece(const PlannedTensor& planned, std::int64_t first_row,
                    std::span<const float> importance);

  const io::CheckpointReader& reader_;
  const ImportanceMatrix* importance_;
  cpu::ThreadPool& pool_;
  std::vector<float> rows_;
  std::vector<std::byte> blocks_;
};

}  // namespace minimax::convert
