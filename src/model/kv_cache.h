// SPDX-License-Identifier: Apache-2.0
// The keys and values that one sequence leaves in one softmax layer. They lie in pages, so that
// they grow without being moved, are shared by copies of the sequence until one of them writes, and
// are used again once they are behind the sliding window.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ops/context.h"
#include "ops/softmax_attention/softmax_attention.h"
#include "tensor/shared_buffer.h"

namespace minimax::model {

/// The type of keys and values. Where only the arithmetic is known, that of its activations.
struct KvType {
  KvType(tensor::DType type) : dtype(type) {}
  KvType(ops::Precision precision)
      : dtype(precision == ops::Precision::kBFloat16 ? tensor::DType::kBF16 : tensor::DType::kF32) {
  }
  tensor::DType dtype;  // F32, BF16, or quantized as in ops/softmax_attention/kv_format.h
};

/// What all caches of a model have in common.
struct KvLayout {
  static constexpr std::int64_t kPageTokens = 128;

  std::int64_t heads = 0;  // num_key_value_heads
  std::int64_t head_dim = 0;
  tensor::DType dtype = tensor::DType::kF32;
  const tensor::Memory* memory = &tensor::host_memory();  // where pages lie
  std::int64_t sliding_window = 0;  // keys that a token sees, the own one included; 0: all

  std::int64_t page_bytes() const;
  /// The oldest page that the token at `position` or a later one reads.
  std::int64_t first_page(std::int64_t position) const;
  /// The pages that the first `tokens` tokens reach into.
  static std::int64_t end_page(std::int64_t tokens);
  /// The most pages that are held at once by steps of up to `step` tokens.
  /// Requires: sliding_window > 0.
  std::int64_t most_pages(std::int64_t step) const;
};

class KvCache {
 public:
  /// Makes room for `tokens` tokens behind the first `length`. Pages that none of them sees are
  /// used again; those that others share and that are written next are copied.
  /// Throws: Error{kOutOfMemory}; what was held is then still held.
  void make_room(const KvLayout& layout, std::int64_t length, std::int64_t tokens);

  /// Empty pages for a sequence of `length` tokens that is read from elsewhere.
  void reset(const KvLayout& layout, std::int64_t length);

  ops::KvCacheView view(const KvLayout& layout, std::int64_t length) const;
  /// The pages that tokens from position `length` on need.
  std::span<const tensor::SharedBuffer> needed(const KvLayout& layout, std::int64_t length) const;
  const std::vector<tensor::SharedBuffer>& pages() const { return pages_; }

 private:
  void append(tensor::SharedBuffer page);
  tensor::SharedBuffer take_front(const KvLayout& layout);

  std::int64_t first_page_ = 0;
  std::vector<tensor::SharedBuffer> pages_;  // from first_page_ on, each of page_bytes()
  std::vector<std::byte*> page_pointers_;    // what ops::KvCacheView reads
};

}  // namespace minimax::model
