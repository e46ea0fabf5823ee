// SPDX-License-Identifier: Apache-2.0
#include "model/expert_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "base/memory.h"

namespace minimax::model {
namespace {

quant::Matrix& view_of(ExpertWeights& weights, std::size_t part, std::size_t id) {
  std::vector<quant::Matrix>* const views[] = {&weights.gate, &weights.up, &weights.down};
  return (*views[part])[id];
}

std::int64_t bytes_of(const ExpertParts& parts) {
  std::int64_t bytes = 0;
  for (const ExpertPart& part : parts) {
    bytes += tensor::Arena::footprint(part.matrix.bytes());
  }
  return bytes;
}

// Formats may differ from layer to layer: every slot holds the largest expert.
std::int64_t largest(const std::vector<ExpertParts>& experts) {
  std::int64_t bytes = 0;
  for (const ExpertParts& parts : experts) {
    bytes = std::max(bytes, bytes_of(parts));
  }
  return bytes;
}

void check_room(std::int64_t slots, std::int64_t needed, std::int64_t slot_bytes) {
  base::check(slots >= needed, ErrorCode::kOutOfMemory, [&] {
    return fmt::format(
        "memory for experts: expected at least {}, those of one layer, found {} of {} experts",
        base::format_bytes(needed * slot_bytes), slots, needed);
  });
}

}  // namespace

ExpertCache::ExpertCache(Args args)
    : checkpoint_(std::move(args.checkpoint)),
      reader_(checkpoint_),
      experts_(args.experts),
      parts_(std::move(args.parts)),
      slot_bytes_(largest(parts_)),
      slot_of_(parts_.size(), kNone),
      expected_(parts_.size(), false) {
  const std::int64_t slots = std::min(args.memory_bytes / std::max<std::int64_t>(slot_bytes_, 1),
                                      static_cast<std::int64_t>(parts_.size()));
  check_room(slots, experts_, slot_bytes_);
  slots_.resize(static_cast<std::size_t>(slots));
  memory_ = tensor::Buffer::allocate(slots * slot_bytes_, tensor::Pages::kHuge);
  layers_.resize(static_cast<std::size_t>(args.layers));
  for (ExpertWeights& layer : layers_) {
    layer.resize(static_cast<std::size_t>(experts_));
  }
  for (std::int64_t expert = 0; std::cmp_less(expert, parts_.size()); ++expert) {
    forget(expert);
  }
}

std::int64_t ExpertCache::oldest_slot() const {
  const auto oldest =
      std::min_element(slots_.begin(), slots_.end(),
                       [](const Slot& a, const Slot& b) { return a.last_use < b.last_use; });
  return oldest - slots_.begin();
}

// Its views lose their data.
void ExpertCache::forget(std::int64_t expert) {
  const auto index = static_cast<std::size_t>(expert);
  const auto id = static_cast<std::size_t>(expert % experts_);
  ExpertWeights& layer = layers_[static_cast<std::size_t>(expert / experts_)];
  for (std::size_t part = 0; part < parts_[index].size(); ++part) {
    view_of(layer, part, id) = parts_[index][part].matrix;
  }
  slot_of_[index] = kNone;
}

void ExpertCache::evict(std::int64_t slot) {
  Slot& entry = slots_[static_cast<std::size_t>(slot)];
  if (entry.expert != kNone) {
    forget(entry.expert);
    entry.expert = kNone;
    --counts_.resident;
  }
}

void ExpertCache::place(std::int64_t expert, std::int64_t slot) {
  evict(slot);
  const auto index = static_cast<std::size_t>(expert);
  const auto id = static_cast<std::size_t>(expert % experts_);
  ExpertWeights& layer = layers_[static_cast<std::size_t>(expert / experts_)];
  std::byte* at = memory_.data() + slot * slot_bytes_;
  for (std::size_t part = 0; part < parts_[index].size(); ++part) {
    const quant::Matrix& matrix = parts_[index][part].matrix;
    view_of(layer, part, id) = matrix.at(at);
    at += tensor::Arena::footprint(matrix.bytes());
  }
  slots_[static_cast<std::size_t>(slot)] = {.expert = expert, .last_use = now_};
  slot_of_[index] = slot;
  ++counts_.resident;
}

void ExpertCache::read_part(std::int64_t expert, std::size_t part) const {
  const ExpertPart& source = parts_[static_cast<std::size_t>(expert)][part];
  const std::int64_t slot = slot_of_[static_cast<std::size_t>(expert)];
  std::byte* at = memory_.data() + slot * slot_bytes_;
  for (std::size_t before = 0; before < part; ++before) {
    at += tensor::Arena::footprint(parts_[static_cast<std::size_t>(expert)][before].matrix.bytes());
  }
  read_parameter(reader_, source.stored, source.matrix.at(at));
}

// An expert that cannot be read whole is not resident afterwards.
void ExpertCache::read_all(std::span<const std::int64_t> experts, cpu::ThreadPool* pool) {
  constexpr std::int64_t kParts = std::tuple_size_v<ExpertParts>;
  std::mutex mutex;
  std::exception_ptr failure;
  const auto read = [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t expert = experts[static_cast<std::size_t>(i / kParts)];
      try {
        read_part(expert, static_cast<std::size_t>(i % kParts));
      } catch (...) {
        const std::lock_guard lock(mutex);
        failure = std::current_exception();
      }
    }
  };
  const std::int64_t count = std::ssize(experts) * kParts;
  if (pool != nullptr) {
    pool->parallel_for(count, 1, read);
  } else {
    read(0, count, 0);
  }
  if (failure) {
    for (const std::int64_t expert : experts) {
      evict(slot_of_[static_cast<std::size_t>(expert)]);
    }
    std::rethrow_exception(failure);
  }
}

void ExpertCache::warm(std::span<const std::int64_t> counts, int threads) {
  base::check(counts.empty() || counts.size() == parts_.size(), ErrorCode::kInvalidArgument, [&] {
    return fmt::format("counts of experts: expected {}, found {}", parts_.size(), counts.size());
  });
  std::vector<std::int64_t> order(parts_.size());
  std::iota(order.begin(), order.end(), 0);
  // Without counts, each layer gets the same share.
  std::ranges::stable_sort(order, {}, [&](std::int64_t expert) {
    return counts.empty() ? expert % experts_ : -counts[static_cast<std::size_t>(expert)];
  });
  order.resize(slots_.size());
  for (std::size_t slot = 0; slot < order.size(); ++slot) {
    place(order[slot], static_cast<std::int64_t>(slot));
  }
  cpu::ThreadPool pool(threads);
  read_all(order, &pool);
}

const ExpertWeights& ExpertCache::fetch(std::int64_t layer,
                                        std::span<const std::int32_t> expert_ids,
                                        cpu::ThreadPool* pool) {
  ++now_;
  missing_.clear();
  for (const std::int32_t id : expert_ids) {
    const std::int64_t expert = index_of(layer, id);
    const std::int64_t slot = slot_of_[static_cast<std::size_t>(expert)];
    if (slot == kNone) {
      missing_.push_back(expert);
    } else {
      slots_[static_cast<std::size_t>(slot)].last_use = now_;
    }
  }
  std::ranges::sort(missing_);
  missing_.erase(std::unique(missing_.begin(), missing_.end()), missing_.end());
  for (const std::int64_t expert : missing_) {
    place(expert, oldest_slot());
    counts_.read_expected += expected_[static_cast<std::size_t>(expert)] ? 1 : 0;
  }
  std::fill_n(expected_.begin() + layer * experts_, experts_, false);
  counts_.read += std::ssize(missing_);
  counts_.chosen += std::ssize(expert_ids);
  read_all(missing_, pool);
  return layers_[static_cast<std::size_t>(layer)];
}

void ExpertCache::expect(std::int64_t layer, std::span<const std::int32_t> expert_ids) noexcept {
  for (const std::int32_t id : expert_ids) {
    const auto expert = static_cast<std::size_t>(index_of(layer, id));
    if (slot_of_[expert] != kNone || expected_[expert]) {
      continue;
    }
    expected_[expert] = true;
    for (const ExpertPart& part : parts_[expert]) {
      const std::int64_t width = part.matrix.shape()[-1];
      const std::int64_t row_bytes =
          part.stored.entry->bytes / (part.stored.entry->shape.elements() / width);
      reader_.prefetch(*part.stored.entry, part.stored.first_element / width * row_bytes,
                       part.matrix.shape()[0] * row_bytes);
    }
  }
}

}  // namespace minimax::model
