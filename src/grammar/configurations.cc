// SPDX-License-Identifier: Apache-2.0
#include "grammar/configurations.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/check.h"
#include "grammar/hash.h"

namespace minimax::grammar {
namespace {

// The stacks that every automaton has. Each of them goes on in a state without edges.
constexpr std::int32_t kEndStack = 0;
constexpr std::int32_t kUnknownStack = 1;

bool is_final(StateId state) {
  return state == Automaton::kEndState || state == Automaton::kEscapeState;
}

}  // namespace

Configurations::Configurations(const Automaton& automaton)
    : automaton_(automaton),
      class_count_(static_cast<std::size_t>(automaton.class_count)),
      callers_(automaton.rules.size()) {
  std::vector<Frame> end = {{.state = Automaton::kEndState, .stack = kEndStack}};
  std::vector<Frame> unknown = {{.state = Automaton::kEscapeState, .stack = kEndStack}};
  stacks_.intern(end);
  stacks_.intern(unknown);
  std::vector<Frame> none;
  intern(none);  // kDead
  const StateId first = automaton.rules[static_cast<std::size_t>(automaton.root)].start;
  std::vector<Frame> frames = {{.state = first, .stack = kEndStack}};
  if (may_end(automaton.state(first), 0)) {
    frames.push_back({.state = Automaton::kEndState, .stack = kEndStack});
  }
  start_ = intern(frames);
}

ConfigId Configurations::start_inside(StateId state, std::int32_t count) {
  std::vector<Frame> frames = {{.state = state, .count = count, .stack = kUnknownStack}};
  return intern(frames);
}

ConfigId Configurations::step(ConfigId id, std::uint8_t byte) {
  base::check(work_left_ >= 0, ErrorCode::kInvalidArgument,
              "the grammar is too complex: a step takes too long");
  std::vector<Frame> frames;
  for (const Frame& frame : flags(id).active) {
    work_left_ -= 1 + static_cast<std::int64_t>(frames.size());
    for (const ByteEdge& edge : automaton_.bytes(automaton_.state(frame.state))) {
      if (edge.first <= byte && byte <= edge.last) {
        arrive({.state = edge.target, .stack = frame.stack}, frames);
      }
    }
  }
  const ConfigId next = intern(frames);
  steps_[static_cast<std::size_t>(id) * class_count_ + automaton_.byte_class[byte]] = next;
  return next;
}

// Adds a place and those behind the rules that end there.
void Configurations::arrive(const Frame& frame, std::vector<Frame>& frames) {
  pending_.assign(1, frame);
  while (!pending_.empty() && frames.size() <= kMaxFrames) {
    const Frame current = pending_.back();
    pending_.pop_back();
    const State& state = automaton_.state(current.state);
    const bool is_kept = is_final(current.state) || may_continue(state, current.count);
    if (is_kept) {
      if (std::find(frames.begin(), frames.end(), current) != frames.end()) {
        continue;
      }
      frames.push_back(current);
    }
    if (!is_final(current.state) && may_end(state, current.count)) {
      const std::span<const Frame> callers = stacks_.at(current.stack);
      pending_.insert(pending_.end(), callers.begin(), callers.end());
    }
  }
}

bool Configurations::may_end(const State& state, std::int32_t count) const {
  return state.counter < 0 ? state.accepting : count >= automaton_.counter(state).min;
}

bool Configurations::may_continue(const State& state, std::int32_t count) const {
  if (state.counter < 0) {
    return state.bytes_begin < state.bytes_end || state.calls_begin < state.calls_end;
  }
  const std::int32_t max = automaton_.counter(state).max;
  return max == kUnlimited || count < max;
}

ConfigId Configurations::intern(std::vector<Frame>& frames) {
  const ConfigId id = configs_.intern(frames);
  if (id == static_cast<ConfigId>(details_.size())) {
    details_.push_back({});
    steps_.resize(steps_.size() + class_count_, -1);
    details_.back() = details_of(frames);
    work_left_ -= 16 + static_cast<std::int64_t>(frames.size());
    active_bytes_ += static_cast<std::int64_t>(details_.back().active.size() * sizeof(Frame));
    if (id == kDead) {
      std::fill(steps_.begin(), steps_.end(), kDead);
    }
  }
  base::check(!details_[static_cast<std::size_t>(id)].too_ambiguous, ErrorCode::kInvalidArgument,
              "the grammar is too ambiguous: a text can be read in too many ways");
  return id;
}

// Calls the rules that can begin here, those first that others begin with.
Configurations::Details Configurations::details_of(std::span<const Frame> frames) {
  Details details;
  overflow_ = frames.size() > kMaxFrames;
  const auto add = [&](const Frame& frame) {
    const State& state = automaton_.state(frame.state);
    if (state.bytes_begin < state.bytes_end) {
      details.active.push_back(frame);
    }
    enter_rules(frame);
  };
  for (const Frame& frame : frames) {
    details.can_end |= frame.state == Automaton::kEndState;
    details.escaped |= frame.state == Automaton::kEscapeState;
    add(frame);
  }
  while (!called_.empty()) {
    const std::int32_t rule = called_.front().rule;
    std::pop_heap(called_.begin(), called_.end());
    called_.pop_back();
    std::vector<Frame>& callers = callers_[static_cast<std::size_t>(rule)];
    const std::int32_t stack = stacks_.intern(callers);
    callers.clear();
    add({.state = automaton_.rules[static_cast<std::size_t>(rule)].start, .stack = stack});
  }
  details.too_ambiguous = overflow_ || details.active.size() > kMaxFrames;
  return details;
}

void Configurations::enter_rules(const Frame& frame) {
  const State& state = automaton_.state(frame.state);
  if (state.counter >= 0) {
    const Counter& counter = automaton_.counter(state);
    Frame caller = frame;
    caller.count =
        counter.max == kUnlimited ? std::min(frame.count + 1, counter.min) : frame.count + 1;
    contribute(counter.rule, caller, caller.count == counter.max);
    return;
  }
  for (const CallEdge& call : automaton_.calls(state)) {
    contribute(call.rule, {.state = call.target, .stack = frame.stack},
               automaton_.state(call.target).is_tail());
  }
}

// A caller that has nothing left to do is left out: its own callers take its place, so that lists
// that are written as recursion need no deep stacks.
void Configurations::contribute(std::int32_t rule, const Frame& frame, bool is_tail) {
  std::vector<Frame>& callers = callers_[static_cast<std::size_t>(rule)];
  if (callers.empty()) {
    called_.push_back(
        {.order = automaton_.rules[static_cast<std::size_t>(rule)].order, .rule = rule});
    std::push_heap(called_.begin(), called_.end());
  }
  if (is_tail) {
    const std::span<const Frame> below = stacks_.at(frame.stack);
    callers.insert(callers.end(), below.begin(), below.end());
  } else {
    callers.push_back(frame);
  }
  if (callers.size() > kMaxFrames) {
    std::sort(callers.begin(), callers.end());
    callers.erase(std::unique(callers.begin(), callers.end()), callers.end());
  }
  if (callers.size() > kMaxFrames) {
    callers.resize(1);
    overflow_ = true;
  }
}

ConfigId Configurations::import(const Configurations& other, ConfigId id) {
  std::unordered_set<std::int32_t> needed;
  std::vector<std::int32_t> pending;
  const auto need = [&](std::span<const Frame> frames) {
    for (const Frame& frame : frames) {
      if (frame.stack > kUnknownStack && needed.insert(frame.stack).second) {
        pending.push_back(frame.stack);
      }
    }
  };
  need(other.frames(id));
  while (!pending.empty()) {
    const std::int32_t stack = pending.back();
    pending.pop_back();
    need(other.stacks_.at(stack));
  }
  std::vector<std::int32_t> ordered(needed.begin(), needed.end());
  std::sort(ordered.begin(), ordered.end());  // callers come first
  std::unordered_map<std::int32_t, std::int32_t> number = {{kEndStack, kEndStack},
                                                           {kUnknownStack, kUnknownStack}};
  const auto translate = [&](std::span<const Frame> frames) {
    std::vector<Frame> result(frames.begin(), frames.end());
    for (Frame& frame : result) {
      frame.stack = number.at(frame.stack);
    }
    return result;
  };
  for (const std::int32_t stack : ordered) {
    std::vector<Frame> frames = translate(other.stacks_.at(stack));
    number[stack] = stacks_.intern(frames);
  }
  std::vector<Frame> frames = translate(other.frames(id));
  return intern(frames);
}

std::int64_t Configurations::bytes_used() const {
  return stacks_.bytes_used() + configs_.bytes_used() + active_bytes_ +
         static_cast<std::int64_t>(steps_.capacity() * sizeof(ConfigId) +
                                   details_.capacity() * sizeof(Details));
}

}  // namespace minimax::grammar
