// SPDX-License-Identifier: Apache-2.0
// What a sequence leaves behind: the `past_key_values` of transformers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace minimax {

/// All that a sequence has left behind: the states of the lightning layers and the keys and values
/// of the softmax layers. A copy is independent of its original.
class State {
 public:
  State(const State&);
  State& operator=(const State&);
  State(State&&) noexcept;
  State& operator=(State&&) noexcept;
  ~State();

  std::int64_t length() const;  ///< tokens seen
  std::int64_t bytes() const;   ///< memory held

  /// The whole state as bytes, and back: restored, it gives the same bits as the original.
  std::string save() const;

  struct Impl;
  explicit State(std::unique_ptr<Impl> impl);
  Impl& impl() { return *impl_; }
  const Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace minimax
