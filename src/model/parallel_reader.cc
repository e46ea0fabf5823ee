// SPDX-License-Identifier: Apache-2.0
#include "model/parallel_reader.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>

#include "cpu/processors.h"
#include "ops/device_matrix/tile_writer.h"
#include "quant/device_tiles.h"

namespace minimax::model {
namespace {

/// Reads one parameter after the other, to a device through memory that is fast to copy from.
class ItemReader {
 public:
  ItemReader(const io::CheckpointReader& reader, const tensor::Memory& memory)
      : reader_(reader), memory_(memory) {}

  void read(const StoredPart& from, const quant::Matrix& to) {
    if (memory_.is_host) {
      read_parameter(reader_, from, to);
    } else if (from.nests_scales || to.shape().rank() < 2) {
      read_rows(from, to, 1, 0, 1);  // at once: the scales of all its rows are quantized together
    } else {
      const std::int64_t rows = to.shape()[0];
      const std::int64_t fitting = kStagingBytes / to.row_bytes() / kTileRows * kTileRows;
      const std::int64_t at_once = std::min(rows, std::max(fitting, kTileRows));
      for (std::int64_t row = 0; row < rows; row += at_once) {
        read_rows(from, to, rows, row, std::min(at_once, rows - row));
      }
    }
  }

 private:
  static constexpr std::int64_t kStagingBytes = std::int64_t{32} << 20;
  static constexpr std::int64_t kTileRows = quant::kDeviceTileRows;

  // `count` of the `rows` equal parts of a parameter, from `first` on.
  void read_rows(const StoredPart& from, const quant::Matrix& to, std::int64_t rows,
                 std::int64_t first, std::int64_t count) {
    const std::int64_t columns = to.shape().elements() / rows;
    const tensor::Shape shape = rows == 1 ? to.shape() : tensor::Shape{count, to.shape()[-1]};
    const std::int64_t bytes = quant::Matrix::bytes_of(to.format(), shape);
    if (staging_.bytes() < bytes) {
      staging_ = {};
      staging_ = memory_.allocate_staging(bytes);
    }
    StoredPart part = from;
    part.first_element += first * columns;
    const quant::Matrix piece(staging_.data(), to.format(), shape);
    read_parameter(reader_, part, piece);
    if (to.layout() == quant::Layout::kTiles) {
      tile_writer_.write(piece, to, first);
    } else {
      memory_.copy(to.bytes_begin() + to.bytes() / rows * first, staging_.data(), bytes);
    }
  }

  const io::CheckpointReader& reader_;
  const tensor::Memory& memory_;
  tensor::Buffer staging_;
  ops::TileWriter tile_writer_;
};

class ParallelReader {
 public:
  ParallelReader(const io::CheckpointReader& reader, const std::vector<LoadItem>& items,
                 const tensor::Memory& memory)
      : reader_(reader), items_(items), memory_(memory) {}

  void run(const LoadOptions& options) {
    std::int64_t total_bytes = 0;
    for (const LoadItem& item : items_) {
      total_bytes += item.parameter->weights().bytes();
    }
    {
      std::vector<std::jthread> helpers;
      for (int i = 1; i < load_threads(options); ++i) {
        helpers.emplace_back([this] { work([] {}); });
      }
      work([&] {
        if (options.on_progress) {
          options.on_progress(done_bytes_.load(), total_bytes);
        }
      });
    }
    if (failure_) {
      std::rethrow_exception(failure_);
    }
    if (options.on_progress) {
      options.on_progress(total_bytes, total_bytes);
    }
  }

 private:
  template <class Report>
  void work(const Report& report) {
    try {
      ItemReader item_reader(reader_, memory_);
      while (!failed_.load()) {
        const std::size_t index = next_.fetch_add(1);
        if (index >= items_.size()) {
          return;
        }
        const LoadItem& item = items_[index];
        if (item.entry != nullptr) {
          item_reader.read(stored_part(item), item.parameter->weights());
        }
        done_bytes_.fetch_add(item.parameter->weights().bytes());
        report();
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      failure_ = std::current_exception();
      failed_.store(true);
    }
  }

  const io::CheckpointReader& reader_;
  const std::vector<LoadItem>& items_;
  const tensor::Memory& memory_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<std::int64_t> done_bytes_ = 0;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;
  std::exception_ptr failure_;
};

}  // namespace

int load_threads(const LoadOptions& options) {
  constexpr int kMost = 8;
  return std::min(options.threads > 0 ? options.threads : cpu::available_processors(), kMost);
}

void read_items(const io::CheckpointReader& reader, const std::vector<LoadItem>& items,
                const tensor::Memory& memory, const LoadOptions& options) {
  ParallelReader(reader, items, memory).run(options);
}

}  // namespace minimax::model
