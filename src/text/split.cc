// SPDX-License-Identifier: Apache-2.0
#include "text/split.h"

#include "text/splitters.h"

namespace minimax::text {
namespace {

std::string_view slice(std::string_view text, std::int64_t begin, std::int64_t end) {
  return text.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
}

void append_piece(std::string_view text, std::int64_t begin, std::int64_t end,
                  std::vector<std::string_view>& pieces) {
  if (end > begin) {
    pieces.push_back(slice(text, begin, end));
  }
}

// Whether a run joins the piece in front of it. Seen from the left, a match joins the run before
// it (merged with previous); contiguous joins runs of the same kind.
bool joins(SplitBehavior behavior, bool is_match, bool previous_is_match) {
  return behavior == SplitBehavior::kContiguous ? is_match == previous_is_match
                                                : is_match && !previous_is_match;
}

void merge_forward(std::string_view text, const std::vector<MatchRun>& runs, SplitBehavior behavior,
                   std::vector<std::string_view>& pieces) {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  bool previous_is_match = false;
  for (const MatchRun& run : runs) {
    if (!joins(behavior, run.is_match, previous_is_match)) {
      append_piece(text, begin, end, pieces);
      begin = run.begin;
    }
    end = run.end;
    previous_is_match = run.is_match;
  }
  append_piece(text, begin, end, pieces);
}

// A match joins what follows it, unless that is a match too.
void merge_with_next(std::string_view text, const std::vector<MatchRun>& runs,
                     std::vector<std::string_view>& pieces) {
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const bool joins_next = runs[i].is_match && i + 1 < runs.size() && !runs[i + 1].is_match;
    if (!joins_next) {
      append_piece(text, begin, runs[i].end, pieces);
      begin = runs[i].end;
    }
  }
}

}  // namespace

void apply_behavior(std::string_view text, const std::vector<MatchRun>& runs,
                    SplitBehavior behavior, std::vector<std::string_view>& pieces) {
  switch (behavior) {
    case SplitBehavior::kIsolated:
    case SplitBehavior::kRemoved:
      for (const MatchRun& run : runs) {
        if (!run.is_match || behavior == SplitBehavior::kIsolated) {
          append_piece(text, run.begin, run.end, pieces);
        }
      }
      return;
    case SplitBehavior::kMergedWithPrevious:
    case SplitBehavior::kContiguous:
      return merge_forward(text, runs, behavior, pieces);
    case SplitBehavior::kMergedWithNext:
      return merge_with_next(text, runs, pieces);
  }
}

std::vector<MatchRun> complete_runs(const std::vector<Regex::Match>& matches, std::int64_t size) {
  std::vector<MatchRun> runs;
  std::int64_t done = 0;
  for (const Regex::Match& match : matches) {
    if (match.begin > done) {
      runs.push_back({done, match.begin, false});
    }
    runs.push_back({match.begin, match.end, true});
    done = match.end;
  }
  if (done < size) {
    runs.push_back({done, size, false});
  }
  return runs;
}

Pattern Pattern::literal(std::string text) {
  Pattern pattern;
  pattern.written_ = std::move(text);
  pattern.is_literal_ = true;
  return pattern;
}

Pattern Pattern::regex(std::string_view pattern, const std::string& source) {
  Pattern result;
  result.written_ = pattern;
  if (pattern == kGpt2Pattern) {
    result.splitter_ = split_gpt2;
  } else if (pattern == kO200kPattern) {
    result.splitter_ = split_o200k;
  } else {
    result.regex_.emplace(pattern, source);
  }
  return result;
}

std::vector<Regex::Match> Pattern::find_all(std::string_view text, StepBudget& budget) const {
  std::vector<Regex::Match> matches;
  if (regex_) {
    regex_->find_all(text, budget, matches);
    return matches;
  }
  if (splitter_ != nullptr) {
    std::vector<std::string_view> pieces;
    splitter_(text, pieces);
    for (const std::string_view piece : pieces) {
      const std::int64_t begin = piece.data() - text.data();
      matches.push_back({begin, begin + static_cast<std::int64_t>(piece.size())});
    }
    return matches;
  }
  for (std::size_t at = text.find(written_); at != std::string_view::npos;
       at = text.find(written_, at + written_.size())) {
    matches.push_back(
        {static_cast<std::int64_t>(at), static_cast<std::int64_t>(at + written_.size())});
  }
  return matches;
}

void Pattern::split(std::string_view text, const SplitRule& rule, StepBudget& budget,
                    std::vector<std::string_view>& pieces) const {
  if (splitter_ != nullptr && rule.behavior == SplitBehavior::kIsolated) {
    splitter_(text, pieces);
    return;
  }
  std::vector<MatchRun> runs =
      complete_runs(find_all(text, budget), static_cast<std::int64_t>(text.size()));
  for (MatchRun& run : runs) {
    run.is_match = run.is_match != rule.invert;
  }
  apply_behavior(text, runs, rule.behavior, pieces);
}

std::optional<std::string> Pattern::replace_all(std::string_view text, std::string_view content,
                                                StepBudget& budget) const {
  const std::vector<Regex::Match> matches = find_all(text, budget);
  if (matches.empty()) {
    return std::nullopt;
  }
  std::string out;
  std::int64_t done = 0;
  for (const Regex::Match& match : matches) {
    out += slice(text, done, match.begin);
    out += content;
    done = match.end;
  }
  out += text.substr(static_cast<std::size_t>(done));
  return out;
}

}  // namespace minimax::text
