// SPDX-License-Identifier: Apache-2.0
// Runs an automaton over bytes. A configuration is the set of all places in the grammar where a
// text may stand; the stacks of callers are shared sets, so that the ambiguities of a grammar add
// up and do not multiply. Configurations and steps between them are made when they are first
// needed and kept. Not for tokens (mask_cache.h).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "grammar/automaton.h"
#include "grammar/frame_table.h"

namespace minimax::grammar {

using ConfigId = std::int32_t;

/// Thread safety: none. The automaton must outlive it.
class Configurations {
 public:
  /// No text goes on from here.
  static constexpr ConfigId kDead = 0;
  /// Frames that a configuration or a stack may have; beyond that a grammar is too ambiguous.
  static constexpr std::size_t kMaxFrames = 1024;

  explicit Configurations(const Automaton& automaton);

  /// Before the first byte.
  ConfigId start() const { return start_; }
  /// At `state` with callers that are not known. When the rule ends, the configuration has
  /// escaped().
  ConfigId start_inside(StateId state, std::int32_t count);

  /// Sets how much work the following steps may take together: a unit is about a place that is
  /// looked at. Steps that are known cost nothing.
  void set_budget(std::int64_t work) { work_left_ = work; }

  /// Behind one more byte. Throws: Error{kInvalidArgument} for a grammar that is too ambiguous, or
  /// takes more work than the budget.
  ConfigId next(ConfigId id, std::uint8_t byte) {
    const std::int32_t known =
        steps_[static_cast<std::size_t>(id) * class_count_ + automaton_.byte_class[byte]];
    return known >= 0 ? known : step(id, byte);
  }

  /// The text may end here.
  bool can_end(ConfigId id) const { return flags(id).can_end; }
  /// The callers that are not known may go on here.
  bool escaped(ConfigId id) const { return flags(id).escaped; }
  /// Some byte can follow.
  bool can_continue(ConfigId id) const { return !flags(id).active.empty(); }
  /// The places, before the calls of rules.
  std::span<const Frame> frames(ConfigId id) const { return configs_.at(id); }

  /// The same configuration of the same automaton from another object.
  ConfigId import(const Configurations& other, ConfigId id);

  const Automaton& automaton() const { return automaton_; }
  /// About so much memory.
  std::int64_t bytes_used() const;

 private:
  struct Details {
    std::vector<Frame> active;  // the places where a byte can be taken
    bool can_end = false;
    bool escaped = false;
    bool too_ambiguous = false;
  };
  struct Contribution {
    std::int32_t order = 0;
    std::int32_t rule = 0;
    bool operator<(const Contribution& other) const { return order > other.order; }
  };

  const Details& flags(ConfigId id) const { return details_[static_cast<std::size_t>(id)]; }
  ConfigId step(ConfigId id, std::uint8_t byte);
  ConfigId intern(std::vector<Frame>& frames);
  void arrive(const Frame& frame, std::vector<Frame>& frames);
  bool may_end(const State& state, std::int32_t count) const;
  bool may_continue(const State& state, std::int32_t count) const;
  void enter_rules(const Frame& frame);
  void contribute(std::int32_t rule, const Frame& frame, bool is_tail);
  Details details_of(std::span<const Frame> frames);

  const Automaton& automaton_;
  std::size_t class_count_ = 0;
  FrameTable stacks_;   // what callers there are; a stack only refers to those before it
  FrameTable configs_;  // what frames a configuration has
  std::vector<Details> details_;
  std::vector<ConfigId> steps_;  // [configuration, class of bytes], -1 where not yet known
  std::int64_t active_bytes_ = 0;
  ConfigId start_ = 0;
  std::int64_t work_left_ = 0;

  // Scratch of one step.
  std::vector<Frame> pending_;
  std::vector<std::vector<Frame>> callers_;  // by rule
  std::vector<Contribution> called_;         // a heap
  bool overflow_ = false;                    // more than kMaxFrames were needed
};

}  // namespace minimax::grammar
