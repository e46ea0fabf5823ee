// SPDX-License-Identifier: Apache-2.0
// What a sequence leaves behind in every layer: the hybrid state of the architecture.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "minimax/config.h"
#include "model/kv_cache.h"
#include "ops/context.h"
#include "ops/softmax_attention/softmax_attention.h"
#include "tensor/shared_buffer.h"

namespace minimax::model {

/// How the states of a model are laid out, and whose they are.
struct StateLayout {
  StateLayout(const MiniMaxConfig& config, KvType kv_type, std::uint64_t identity = 0,
              const tensor::Memory& memory = tensor::host_memory());

  std::int64_t lightning_bytes() const;  // of all layers

  std::int64_t lightning_layers = 0;
  std::int64_t lightning_elements = 0;  // of one layer: H * D * D
  std::int64_t softmax_layers = 0;
  KvLayout kv;
  std::uint64_t model_identity = 0;
  const tensor::Memory* memory;  // where states lie
};

/// The state of one sequence. Lightning layers hold [H, D, D] float32 each, whatever the length;
/// softmax layers hold their keys and values, those behind the sliding window excepted.
///
/// A copy is a fork: it costs next to nothing and shares all memory with its original until one of
/// them goes on, which copies its lightning states and the last page of every cache.
/// Thread safety: one thread for each state; forks may be used in different threads.
class SequenceState {
 public:
  static constexpr std::int64_t kPageTokens = KvLayout::kPageTokens;

  /// An empty sequence.
  /// States with another `model_identity` are refused where one is restored. All that is read and
  /// written by forward() lies in `memory`.
  SequenceState(const MiniMaxConfig& config, KvType kv_type, std::uint64_t model_identity = 0,
                const tensor::Memory& memory = tensor::host_memory());

  std::int64_t length() const { return content_.length; }
  /// Memory held, snapshots and what is shared with forks included.
  std::int64_t bytes() const;
  /// The part of bytes() that forks hold as well.
  std::int64_t shared_bytes() const;
  /// Tells every block of memory that the state holds, without its snapshots; blocks that forks
  /// share have the same address.
  void visit_memory(const std::function<void(const void* block, std::int64_t bytes)>& visit) const;

  /// The state of lightning layer number `index` among the lightning layers, [H, D, D], for the
  /// forward pass that follows extend(). In the memory of the state.
  float* lightning(std::int64_t index);
  /// A copy of it on the host. [H * D * D]
  std::vector<float> lightning_values(std::int64_t index) const;
  /// The cache of softmax layer number `index` among the softmax layers. The rows of the tokens
  /// that extend() counted last may be written.
  ops::KvCacheView kv(std::int64_t index) const;

  /// Makes room for `tokens` more, so that an extend() of up to so many needs no further memory.
  /// Throws: Error{kOutOfMemory}; the tokens so far are then as they were.
  void reserve(std::int64_t tokens);
  /// Makes room for `tokens` more and counts them: the forward pass that follows writes their
  /// keys, values and states. Throws: Error{kOutOfMemory}.
  void extend(std::int64_t tokens);

  /// Moves the states of lightning layers to `host`, as far from reach as snapshots lie that wait
  /// for their next use; extend() brings them back. Keys and values stay. `host` must outlive the
  /// state and its forks. Throws: Error{kOutOfMemory}; nothing is moved then.
  void park(const tensor::Memory& host);

  /// Makes an empty state one of `tokens` tokens with random numbers in it, as if they had been
  /// read: for measuring. Throws: Error{kOutOfMemory}; Error{kInvalidArgument} unless it is empty.
  void imagine(std::int64_t tokens, std::uint64_t seed);

  /// Remembers the state as it is now, for truncate(). Costs what a fork costs.
  void snapshot();
  void drop_snapshots() { snapshots_.clear(); }
  std::vector<std::int64_t> snapshot_lengths() const;  // rising
  /// Goes back to the first `length` tokens. Lightning states cannot be run back, so the state
  /// becomes the last snapshot of at most that length, or empty; later snapshots are dropped.
  /// Returns the tokens that have to be read again to get to `length`.
  /// Throws: Error{kInvalidArgument} unless 0 <= length <= length().
  std::int64_t truncate(std::int64_t length);

  /// All bytes but snapshots, with the layout, the model's identity and a checksum; restore() gives
  /// the same bits back. docs/formats/state.md has the layout.
  std::string save() const;
  /// Throws: Error{kCorruptFile} where the bytes are damaged, or those of another model.
  static SequenceState restore(std::string_view bytes, const MiniMaxConfig& config, KvType kv_type,
                               std::uint64_t model_identity = 0,
                               const tensor::Memory& memory = tensor::host_memory());

  /// The same through a file, piece by piece. `path` is the old file or the whole new one.
  /// Throws: Error{kIo}.
  void save_file(const std::filesystem::path& path) const;
  /// Throws: as restore(), and Error{kIo}.
  static SequenceState load_file(const std::filesystem::path& path, const MiniMaxConfig& config,
                                 KvType kv_type, std::uint64_t model_identity = 0,
                                 const tensor::Memory& memory = tensor::host_memory());

 private:
  /// What a snapshot keeps. Copies share their memory.
  struct Content {
    std::int64_t length = 0;
    tensor::SharedBuffer lightning;
    std::vector<KvCache> kv;  // [softmax layers]
  };
  struct Source;

  Content empty_content() const;
  std::vector<std::span<std::byte>> blocks() const;
  void write(const std::function<void(std::span<const std::byte>)>& sink) const;
  void read(const Source& source);

  StateLayout layout_;
  Content content_;
  std::vector<Content> snapshots_;  // by rising length
};

/// The memory of a state, for plans.
struct StateSize {
  /// Steps that the plan counts with, in tokens; longer ones need as many more where there is a
  /// sliding window.
  static constexpr std::int64_t kLongestStep = 512;

  std::int64_t fixed_bytes = 0;      // lightning layers
  std::int64_t bytes_per_token = 0;  // softmax layers
  std::int64_t most_tokens = 0;      // that softmax layers hold, in whole pages; 0: all

  /// Keys and values of a sequence of `tokens` tokens, in whole pages.
  std::int64_t kv_bytes(std::int64_t tokens) const;
};
StateSize state_size(const MiniMaxConfig& config, KvType kv_type);

}  // namespace minimax::model
