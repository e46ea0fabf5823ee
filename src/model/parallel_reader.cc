// SPDX-License-Identifier: Apache-2.0
#include "model/parallel_reader.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "cpu/processors.h"
#include "ops/device_matrix/row_upload.h"
#include "quant/matrix.h"

namespace minimax::model {
namespace {

/// What a thread reads at a time: rows of an item.
struct Piece {
  const LoadItem* item;
  std::int64_t first_row;
  std::int64_t rows;
};

// A vector is one row. So is a matrix in the memory of the host, whatever its layout.
struct RowsOf {
  std::int64_t count;
  std::int64_t bytes;
};

RowsOf rows_of(const quant::Matrix& weights) {
  const bool is_matrix = weights.shape().rank() == 2;
  return {
      is_matrix ? weights.shape()[0] : 1,
      is_matrix ? weights.row_bytes() : quant::Matrix::bytes_of(weights.format(), weights.shape())};
}

/// Reads pieces to a device, through memory that is fast to copy from.
class DeviceReader {
 public:
  DeviceReader(const io::CheckpointReader& reader, const RowWatcher& watcher,
               const ops::UploadMemory& memory, std::int64_t index)
      : reader_(reader), watcher_(watcher), upload_(memory, index) {}

  void read(const Piece& piece) {
    const StoredPart part = stored_part(*piece.item);
    const quant::Matrix to = piece.item->parameter->weights();
    if (part.nests_scales && to.shape().rank() == 2) {
      return read_whole(piece, part, to);
    }
    StoredPart from = part;
    from.first_element += piece.first_row * to.shape()[-1];
    const tensor::Shape shape = shape_of(to, piece.rows);
    if (piece.item->on_host && to.layout() == quant::Layout::kRows) {
      std::byte* const place = to.bytes_begin() + piece.first_row * to.row_bytes();
      return read_parameter(reader_, from, {place, to.format(), shape});
    }
    const quant::Matrix rows(upload_.next(), to.format(), shape);
    read_parameter(reader_, from, rows);
    send(piece, rows, to);
  }

  void finish() const { upload_.wait(); }

 private:
  static tensor::Shape shape_of(const quant::Matrix& to, std::int64_t rows) {
    return to.shape().rank() == 2 ? tensor::Shape{rows, to.shape()[1]} : to.shape();
  }

  // The scales of all rows are quantized together.
  void read_whole(const Piece& piece, const StoredPart& part, const quant::Matrix& to) {
    if (piece.item->on_host && to.layout() == quant::Layout::kRows) {
      return read_parameter(reader_, part, to);
    }
    const std::int64_t row_bytes = to.row_bytes();
    const tensor::Buffer whole = tensor::Buffer::allocate(piece.rows * row_bytes);
    read_parameter(reader_, part, {whole.data(), to.format(), to.shape()});
    const std::int64_t at_once = ops::RowUpload::rows_at_once(row_bytes);
    for (std::int64_t row = 0; row < piece.rows; row += at_once) {
      const std::int64_t count = std::min(at_once, piece.rows - row);
      const quant::Matrix rows(upload_.next(), to.format(), shape_of(to, count));
      std::copy_n(whole.data() + row * row_bytes, rows.bytes(), rows.bytes_begin());
      send({piece.item, row, count}, rows, to);
    }
  }

  void send(const Piece& piece, const quant::Matrix& rows, const quant::Matrix& to) {
    if (watcher_) {
      watcher_(*piece.item, piece.first_row, rows);
    }
    using Place = ops::RowUpload::Place;
    upload_.send(rows, to, piece.first_row,
                 piece.item->on_host ? Place::kPinnedHost : Place::kDevice);
  }

  const io::CheckpointReader& reader_;
  const RowWatcher& watcher_;
  ops::RowUpload upload_;
};

/// Reads items to the memory of the host, each at once: panels need all rows.
class HostReader {
 public:
  explicit HostReader(const io::CheckpointReader& reader) : reader_(reader) {}

  void read(const Piece& piece) const {
    read_parameter(reader_, stored_part(*piece.item), piece.item->parameter->weights());
  }

  static void finish() {}

 private:
  const io::CheckpointReader& reader_;
};

std::vector<Piece> pieces_of(const std::vector<LoadItem>& items, bool cuts) {
  std::vector<Piece> pieces;
  for (const LoadItem& item : items) {
    const RowsOf rows = rows_of(item.parameter->weights());
    if (item.entry == nullptr || rows.count == 0 || rows.bytes == 0) {
      continue;
    }
    const std::int64_t at_once =
        cuts && !item.nests_scales ? ops::RowUpload::rows_at_once(rows.bytes) : rows.count;
    for (std::int64_t row = 0; row < rows.count; row += at_once) {
      pieces.push_back({&item, row, std::min(at_once, rows.count - row)});
    }
  }
  return pieces;
}

class ParallelReader {
 public:
  explicit ParallelReader(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {
    for (const Piece& piece : pieces_) {
      total_bytes_ += piece.rows * rows_of(piece.item->parameter->weights()).bytes;
    }
  }

  /// make_reader() gives every thread a reader of its own.
  template <class MakeReader>
  void run(const LoadOptions& options, const MakeReader& make_reader) {
    {
      std::vector<std::jthread> helpers;
      for (int i = 1; i < load_threads(options); ++i) {
        helpers.emplace_back([&] { work(make_reader, [] {}); });
      }
      work(make_reader, [&] {
        if (options.on_progress) {
          options.on_progress(done_bytes_.load(), total_bytes_);
        }
      });
    }
    if (failure_) {
      std::rethrow_exception(failure_);
    }
    if (options.on_progress) {
      options.on_progress(total_bytes_, total_bytes_);
    }
  }

 private:
  template <class MakeReader, class Report>
  void work(const MakeReader& make_reader, const Report& report) {
    try {
      auto reader = make_reader();
      while (!failed_.load()) {
        const std::size_t index = next_.fetch_add(1);
        if (index >= pieces_.size()) {
          break;
        }
        const Piece& piece = pieces_[index];
        reader.read(piece);
        done_bytes_.fetch_add(piece.rows * rows_of(piece.item->parameter->weights()).bytes);
        report();
      }
      reader.finish();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      failure_ = std::current_exception();
      failed_.store(true);
    }
  }

  std::vector<Piece> pieces_;
  std::int64_t total_bytes_ = 0;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<std::int64_t> done_bytes_ = 0;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;
  std::exception_ptr failure_;
};

std::int64_t largest_row(const std::vector<LoadItem>& items) {
  std::int64_t largest = 0;
  for (const LoadItem& item : items) {
    largest = std::max(largest, rows_of(item.parameter->weights()).bytes);
  }
  return largest;
}

}  // namespace

int load_threads(const LoadOptions& options) {
  constexpr int kMost = 16;
  return std::min(options.threads > 0 ? options.threads : cpu::available_processors(), kMost);
}

void read_items(const io::CheckpointReader& reader, const std::vector<LoadItem>& items,
                const tensor::Memory& memory, const LoadOptions& options,
                const RowWatcher& watcher) {
  ParallelReader pieces(pieces_of(items, !memory.is_host));
  if (memory.is_host) {
    pieces.run(options, [&] { return HostReader(reader); });
  } else {
    const ops::UploadMemory upload(largest_row(items), load_threads(options));
    std::atomic<std::int64_t> next = 0;
    pieces.run(options, [&] { return DeviceReader(reader, watcher, upload, next.fetch_add(1)); });
  }
}

}  // namespace minimax::model
