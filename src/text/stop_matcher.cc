// SPDX-License-Identifier: Apache-2.0
#include "text/stop_matcher.h"

#include <algorithm>

#include "base/check.h"

namespace minimax::text {
namespace {

std::vector<std::string> checked(std::vector<std::string> stop_strings) {
  const bool any_empty = std::any_of(stop_strings.begin(), stop_strings.end(),
                                     [](const std::string& stop) { return stop.empty(); });
  base::check(!any_empty, ErrorCode::kInvalidArgument,
              "stop string: expected at least one character, found an empty string");
  return stop_strings;
}

}  // namespace

StopMatcher::StopMatcher(std::vector<std::string> stop_strings)
    : stop_strings_(checked(std::move(stop_strings))), automaton_(stop_strings_) {}

std::string StopMatcher::push(std::string_view text) {
  if (stopped()) {
    return {};
  }
  const std::size_t start = held_.size();
  held_ += text;
  for (std::size_t i = start; i < held_.size(); ++i) {
    state_ = automaton_.next(state_, static_cast<unsigned char>(held_[i]));
    if (const std::int32_t stop = automaton_.longest_match(state_); stop >= 0) {
      matched_ = stop;
      held_.resize(i + 1 - stop_strings_[static_cast<std::size_t>(stop)].size());
      return std::move(held_);
    }
  }
  const std::size_t visible = held_.size() - static_cast<std::size_t>(automaton_.depth(state_));
  std::string shown = held_.substr(0, visible);
  held_.erase(0, visible);
  return shown;
}

std::string StopMatcher::flush() {
  std::string rest;
  if (!stopped()) {
    rest.swap(held_);
    state_ = Automaton::kRoot;
  }
  return rest;
}

}  // namespace minimax::text
