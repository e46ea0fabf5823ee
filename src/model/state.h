// SPDX-License-Identifier: Apache-2.0
// What a sequence leaves behind in every layer: the hybrid state of the architecture.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "minimax/config.h"
#include "ops/context.h"
#include "ops/softmax_attention/softmax_attention.h"
#include "tensor/buffer.h"

namespace minimax::model {

/// The keys and values of one softmax layer, in pages so that they grow without being moved.
struct KvCache {
  std::vector<tensor::Buffer> pages;
  std::vector<std::byte*> page_pointers;  // what ops::KvCacheView reads
};

/// The state of one sequence. Lightning layers hold [H, D, D] float32 each, whatever the length;
/// softmax layers hold their keys and values.
class SequenceState {
 public:
  static constexpr std::int64_t kPageTokens = 128;

  /// An empty sequence. Keys and values are kept in bfloat16 where the model computes in it.
  SequenceState(const MiniMaxConfig& config, ops::Precision precision);
  SequenceState(const SequenceState& other);
  SequenceState& operator=(const SequenceState& other);
  SequenceState(SequenceState&&) noexcept = default;
  SequenceState& operator=(SequenceState&&) noexcept = default;
  ~SequenceState() = default;

  std::int64_t length() const { return length_; }
  std::int64_t bytes() const;

  /// The state of lightning layer number `index` among the lightning layers. [H, D, D]
  float* lightning(std::int64_t index);
  /// The cache of softmax layer number `index` among the softmax layers.
  ops::KvCacheView kv(std::int64_t index);

  /// Makes room for `tokens` more and counts them: the forward pass that follows writes their
  /// keys, values and states. Throws: Error{kOutOfMemory}.
  void extend(std::int64_t tokens);

  /// All bytes, with the geometry and a checksum; restore() gives the same bits back.
  std::string save() const;
  /// Throws: Error{kCorruptFile} where the bytes are damaged or are those of another geometry.
  static SequenceState restore(std::string_view bytes, const MiniMaxConfig& config,
                               ops::Precision precision);

 private:
  std::int64_t page_bytes() const;
  std::vector<std::int64_t> geometry() const;

  std::int64_t lightning_layers_ = 0;
  std::int64_t lightning_elements_ = 0;  // of one layer: H * D * D
  std::int64_t kv_row_elements_ = 0;     // of one token in keys or values: KVH * D
  std::int64_t kv_heads_ = 0;
  tensor::DType kv_dtype_ = tensor::DType::kF32;
  std::int64_t length_ = 0;
  tensor::Buffer lightning_;
  std::vector<KvCache> kv_;  // [softmax layers]
};

/// Bytes of an empty state and of each page of tokens, for plans.
struct StateSize {
  std::int64_t fixed_bytes = 0;
  std::int64_t bytes_per_token = 0;
};
StateSize state_size(const MiniMaxConfig& config, ops::Precision precision);

}  // namespace minimax::model
