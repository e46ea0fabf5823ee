// SPDX-License-Identifier: Apache-2.0
#include "model/parallel_reader.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>

#include "cpu/processors.h"

namespace minimax::model {
namespace {

class ParallelReader {
 public:
  ParallelReader(const io::CheckpointReader& reader, const std::vector<LoadItem>& items)
      : reader_(reader), items_(items) {}

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
      while (!failed_.load()) {
        const std::size_t index = next_.fetch_add(1);
        if (index >= items_.size()) {
          return;
        }
        const LoadItem& item = items_[index];
        if (item.entry != nullptr) {
          read_parameter(reader_, stored_part(item), item.parameter->weights());
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
                const LoadOptions& options) {
  ParallelReader(reader, items).run(options);
}

}  // namespace minimax::model
