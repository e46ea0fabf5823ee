// SPDX-License-Identifier: Apache-2.0
#include "model/state.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/check.h"
#include "ops/random_weights/random_weights.h"

namespace minimax::model {
namespace {

using tensor::DType;
using tensor::SharedBuffer;

std::int64_t count_layers(const MiniMaxConfig& config, LayerType type) {
  return std::count(config.layer_types.begin(), config.layer_types.end(), type);
}

// Counts every block of memory once, however often a state and its snapshots hold it.
class MemoryCount {
 public:
  void add(const SharedBuffer& buffer, std::int64_t bytes) {
    Block& block = blocks_[buffer.data()];
    block.bytes = bytes;
    block.others = buffer.owners() - ++block.seen;
  }

  std::int64_t bytes() const { return sum(false); }
  std::int64_t shared_bytes() const { return sum(true); }

 private:
  struct Block {
    std::int64_t bytes = 0;
    std::int64_t seen = 0;
    std::int64_t others = 0;  // owners that were not added
  };

  std::int64_t sum(bool shared_only) const {
    std::int64_t total = 0;
    for (const auto& [data, block] : blocks_) {
      total += shared_only && block.others == 0 ? 0 : block.bytes;
    }
    return total;
  }

  std::map<const std::byte*, Block> blocks_;
};

// About normal, of deviation 1: so much as the keys and values of a trained model.
std::vector<std::byte> random_elements(DType dtype, std::int64_t count, std::uint64_t seed) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(count * tensor::dtype_bytes(dtype)));
  const quant::Format format = dtype == DType::kBF16 ? quant::Format::kBF16 : quant::Format::kF32;
  ops::random_weights(
      {}, {.seed = seed, .deviation = 1.0, .out = quant::Matrix(bytes.data(), format, {1, count})});
  return bytes;
}

template <class Content>
void count(const Content& content, const StateLayout& layout, MemoryCount& memory) {
  memory.add(content.lightning, layout.lightning_bytes());
  for (const KvCache& cache : content.kv) {
    for (const SharedBuffer& page : cache.pages()) {
      memory.add(page, layout.kv.page_bytes());
    }
  }
}

}  // namespace

StateLayout::StateLayout(const MiniMaxConfig& config, KvType kv_type, std::uint64_t identity,
                         const tensor::Memory& where)
    : lightning_layers(count_layers(config, LayerType::kLinearAttention)),
      lightning_elements(config.num_attention_heads * config.head_dim * config.head_dim),
      softmax_layers(count_layers(config, LayerType::kFullAttention)),
      kv{.heads = config.num_key_value_heads,
         .head_dim = config.head_dim,
         .dtype = kv_type.dtype,
         .memory = &where,
         .sliding_window = config.sliding_window.value_or(0)},
      model_identity(identity),
      memory(&where) {}

std::int64_t StateLayout::lightning_bytes() const {
  return lightning_layers * lightning_elements * static_cast<std::int64_t>(sizeof(float));
}

SequenceState::SequenceState(const MiniMaxConfig& config, KvType kv_type,
                             std::uint64_t model_identity, const tensor::Memory& memory)
    : layout_(config, kv_type, model_identity, memory), content_(empty_content()) {}

SequenceState::Content SequenceState::empty_content() const {
  return {.length = 0,
          .lightning = SharedBuffer::allocate(layout_.lightning_bytes(), *layout_.memory),
          .kv = std::vector<KvCache>(static_cast<std::size_t>(layout_.softmax_layers))};
}

std::int64_t SequenceState::bytes() const {
  MemoryCount memory;
  count(content_, layout_, memory);
  for (const Content& snapshot : snapshots_) {
    count(snapshot, layout_, memory);
  }
  return memory.bytes();
}

std::int64_t SequenceState::shared_bytes() const {
  MemoryCount memory;
  count(content_, layout_, memory);
  for (const Content& snapshot : snapshots_) {
    count(snapshot, layout_, memory);
  }
  return memory.shared_bytes();
}

float* SequenceState::lightning(std::int64_t index) {
  return reinterpret_cast<float*>(content_.lightning.data()) + index * layout_.lightning_elements;
}

std::vector<float> SequenceState::lightning_values(std::int64_t index) const {
  std::vector<float> values(static_cast<std::size_t>(layout_.lightning_elements));
  const std::int64_t bytes = layout_.lightning_elements * static_cast<std::int64_t>(sizeof(float));
  layout_.memory->copy(values.data(), content_.lightning.data() + index * bytes, bytes);
  return values;
}

ops::KvCacheView SequenceState::kv(std::int64_t index) const {
  return content_.kv[static_cast<std::size_t>(index)].view(layout_.kv, content_.length);
}

void SequenceState::visit_memory(
    const std::function<void(const void* block, std::int64_t bytes)>& visit) const {
  visit(content_.lightning.data(), layout_.lightning_bytes());
  for (const KvCache& cache : content_.kv) {
    for (const SharedBuffer& page : cache.pages()) {
      visit(page.data(), layout_.kv.page_bytes());
    }
  }
}

void SequenceState::reserve(std::int64_t tokens) {
  content_.lightning.unshare(layout_.lightning_bytes(), *layout_.memory);
  for (KvCache& cache : content_.kv) {
    cache.make_room(layout_.kv, content_.length, tokens);
  }
}

void SequenceState::extend(std::int64_t tokens) {
  reserve(tokens);
  content_.length += tokens;
}

void SequenceState::park(const tensor::Memory& host) {
  content_.lightning.unshare(layout_.lightning_bytes(), host);
}

void SequenceState::imagine(std::int64_t tokens, std::uint64_t seed) {
  base::check(content_.length == 0, ErrorCode::kInvalidArgument,
              "imagine: expected an empty state");
  extend(tokens);
  for (std::int64_t layer = 0; layer < layout_.lightning_layers; ++layer) {
    const std::vector<std::byte> values = random_elements(DType::kF32, layout_.lightning_elements,
                                                          seed + static_cast<std::uint64_t>(layer));
    layout_.memory->copy(lightning(layer), values.data(), std::ssize(values));
  }
  constexpr std::size_t kDifferent = 8;  // pages; the others are copies
  const std::int64_t page_bytes = layout_.kv.page_bytes();
  std::vector<std::byte*> first;
  std::size_t filled = 0;
  for (const KvCache& cache : content_.kv) {
    for (const SharedBuffer& page : cache.pages()) {
      if (first.size() < kDifferent) {
        const std::vector<std::byte> values = random_elements(
            layout_.kv.dtype, page_bytes / tensor::dtype_bytes(layout_.kv.dtype), ~seed + filled);
        layout_.memory->copy(page.data(), values.data(), page_bytes);
        first.push_back(page.data());
      } else {
        layout_.memory->copy(page.data(), first[filled % kDifferent], page_bytes);
      }
      ++filled;
    }
  }
}

void SequenceState::snapshot() {
  if (snapshots_.empty() || snapshots_.back().length < content_.length) {
    snapshots_.push_back(content_);
  }
}

std::vector<std::int64_t> SequenceState::snapshot_lengths() const {
  std::vector<std::int64_t> lengths;
  for (const Content& snapshot : snapshots_) {
    lengths.push_back(snapshot.length);
  }
  return lengths;
}

std::int64_t SequenceState::truncate(std::int64_t length) {
  base::check(0 <= length && length <= content_.length, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("truncate: expected a length from 0 to {}, found {}", content_.length,
                       length);
  });
  if (length == content_.length) {
    return 0;
  }
  while (!snapshots_.empty() && snapshots_.back().length > length) {
    snapshots_.pop_back();
  }
  content_ = snapshots_.empty() ? empty_content() : snapshots_.back();
  return length - content_.length;
}

std::int64_t StateSize::kv_bytes(std::int64_t tokens) const {
  const std::int64_t held = KvLayout::end_page(tokens) * KvLayout::kPageTokens;
  return bytes_per_token * (most_tokens > 0 ? std::min(held, most_tokens) : held);
}

StateSize state_size(const MiniMaxConfig& config, KvType kv_type) {
  const StateLayout layout(config, kv_type);
  return {.fixed_bytes = layout.lightning_bytes(),
          .bytes_per_token = layout.softmax_layers * layout.kv.page_bytes() / KvLayout::kPageTokens,
          .most_tokens = layout.kv.sliding_window > 0
                             ? layout.kv.most_pages(StateSize::kLongestStep) * KvLayout::kPageTokens
                             : 0};
}

}  // namespace minimax::model
