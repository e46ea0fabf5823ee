// SPDX-License-Identifier: Apache-2.0
// What a sequence leaves behind: the `past_key_values` of transformers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace minimax {

/// All that a sequence has left behind: the states of the lightning layers and the keys and values
/// of the softmax layers. A copy is a fork: it is independent of its original, and shares its
/// memory until one of them goes on. Thread safety: one thread for each state.
class State {
 public:
  State(const State&);
  State& operator=(const State&);
  State(State&&) noexcept;
  State& operator=(State&&) noexcept;
  ~State();

  std::int64_t length() const;        ///< tokens seen
  std::int64_t bytes() const;         ///< memory held, snapshots and what forks share included
  std::int64_t shared_bytes() const;  ///< the part of bytes() that forks hold, too

  /// Remembers the state as it is now, for truncate(). Costs what a copy costs.
  void snapshot();
  void drop_snapshots();
  /// Goes back to at most the first `length` tokens: the states of lightning layers cannot be run
  /// back, so the state becomes the last snapshot of at most that length, or empty. Returns how
  /// many tokens have to be read again to get to `length`. Throws: Error{kInvalidArgument} unless 0
  /// <= length <= length().
  std::int64_t truncate(std::int64_t length);

  /// The whole state as bytes, without its snapshots; MiniMaxPreTrainedModel::restore_state() gives
  /// the same bits back.
  std::string save() const;
  /// The same into a file, for MiniMaxPreTrainedModel::load_state(). Throws: Error{kIo}.
  void save(const std::filesystem::path& path) const;

  struct Impl;
  explicit State(std::unique_ptr<Impl> impl);
  Impl& impl() { return *impl_; }
  const Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

/// The states that `beams` names, in its order: how beam search goes on from its best beams.
/// Throws: Error{kInvalidArgument} for an index that no state has.
std::vector<State> reorder(std::span<const State> states, std::span<const std::int64_t> beams);

}  // namespace minimax
