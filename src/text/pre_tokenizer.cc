// SPDX-License-Identifier: Apache-2.0
#include "text/pre_tokenizer.h"

#include "text/byte_alphabet.h"
#include "text/scanner.h"
#include "text/splitters.h"

namespace minimax::text {
namespace {

using Pieces = std::vector<std::string_view>;

// Cuts `text` into runs by what `kind_of` says of each character.
template <typename KindOf>
std::vector<MatchRun> runs_by_kind(std::string_view text, const KindOf& kind_of) {
  std::vector<MatchRun> runs;
  const Scanner scanner(text);
  int previous = -1;
  for (std::int64_t offset = 0; offset < scanner.size();) {
    const ScannedCharacter c = scanner.at(offset);
    const int kind = kind_of(c);
    if (kind != previous) {
      runs.push_back({offset, offset, true});
      previous = kind;
    }
    offset += c.length;
    runs.back().end = offset;
  }
  return runs;
}

// Every character with the property is a match of its own.
std::vector<MatchRun> matches_of_property(std::string_view text, Property property) {
  std::vector<MatchRun> runs;
  const Scanner scanner(text);
  for (std::int64_t offset = 0; offset < scanner.size();) {
    const ScannedCharacter c = scanner.at(offset);
    const bool is_match = UnicodeTable::shared().has(c.value, property);
    if (is_match || runs.empty() || runs.back().is_match) {
      runs.push_back({offset, offset, is_match});
    }
    offset += c.length;
    runs.back().end = offset;
  }
  return runs;
}

void cut(const SplitStage& stage, std::string_view text, StepBudget& budget, Pieces& out) {
  stage.pattern.split(text, stage.rule, budget, out);
}

void cut(const DigitsStage& stage, std::string_view text, StepBudget&, Pieces& out) {
  apply_behavior(text, matches_of_property(text, kNumericProperty),
                 stage.individual ? SplitBehavior::kIsolated : SplitBehavior::kContiguous, out);
}

void cut(const PunctuationStage& stage, std::string_view text, StepBudget&, Pieces& out) {
  apply_behavior(text, matches_of_property(text, kPunctuationProperty), stage.behavior, out);
}

void cut(const WhitespaceStage&, std::string_view text, StepBudget&, Pieces& out) {
  enum Kind { kSpaceKind, kWordKind, kSymbolKind };
  const UnicodeTable& table = UnicodeTable::shared();
  const auto kind_of = [&](const ScannedCharacter& c) {
    const Kind other = table.is_space(c.value) ? kSpaceKind : kSymbolKind;
    return table.has(c.value, kWordProperty) ? kWordKind : other;
  };
  for (const MatchRun& run : runs_by_kind(text, kind_of)) {
    const Scanner scanner(text);
    if (kind_of(scanner.at(run.begin)) != kSpaceKind) {
      out.push_back(scanner.slice(run.begin, run.end));
    }
  }
}

void cut(const WhitespaceSplitStage&, std::string_view text, StepBudget&, Pieces& out) {
  const Scanner scanner(text);
  for (std::int64_t offset = scanner.skip(0, kSpaces); offset < scanner.size();) {
    const std::int64_t end = scanner.skip(offset, ~kSpaces);
    out.push_back(scanner.slice(offset, end));
    offset = scanner.skip(end, kSpaces);
  }
}

// Stages that only cut: the pieces stay pieces of the same text.
template <typename Stage>
void run_stage(const Stage& stage, bool, PreTokenizedText& text) {
  Pieces in;
  in.swap(text.pieces);
  for (const std::string_view piece : in) {
    cut(stage, piece, *text.budget, text.pieces);
  }
}

void run_stage(const ByteLevelStage& stage, bool is_last, PreTokenizedText& text) {
  Pieces in;
  in.swap(text.pieces);
  for (std::string_view piece : in) {
    if (stage.add_prefix_space && !piece.starts_with(' ')) {
      std::string& prefixed = text.owned->emplace_back(1, ' ');
      prefixed += piece;
      piece = prefixed;
    }
    if (stage.use_regex) {
      split_gpt2(piece, text.pieces);
    } else {
      text.pieces.push_back(piece);
    }
  }
  if (!is_last) {
    for (std::string_view& piece : text.pieces) {
      piece = text.owned->emplace_back(to_byte_alphabet(piece));
    }
  }
}

void run_stage(const MetaspaceStage& stage, bool, PreTokenizedText& text) {
  Pieces in;
  in.swap(text.pieces);
  const Pattern space = Pattern::literal(" ");
  const Pattern replacement = Pattern::literal(stage.replacement);
  bool is_first = text.at_start;
  for (const std::string_view piece : in) {
    std::string replaced =
        space.replace_all(piece, stage.replacement, *text.budget).value_or(std::string(piece));
    const bool prepend = stage.prepend_scheme == PrependScheme::kAlways ||
                         (stage.prepend_scheme == PrependScheme::kFirst && is_first);
    if (prepend && !replaced.starts_with(stage.replacement)) {
      replaced.insert(0, stage.replacement);
    }
    is_first = false;
    const std::string& kept = text.owned->emplace_back(std::move(replaced));
    if (stage.split) {
      replacement.split(kept, {.behavior = SplitBehavior::kMergedWithNext}, *text.budget,
                        text.pieces);
    } else {
      text.pieces.push_back(kept);
    }
  }
}

}  // namespace

PreTokenizer::PreTokenizer(std::vector<PreTokenizerStage> stages)
    : stages_(std::move(stages)),
      leaves_bytes_(!stages_.empty() && std::holds_alternative<ByteLevelStage>(stages_.back())) {}

void PreTokenizer::run(PreTokenizedText& text) const {
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    const bool is_last = i + 1 == stages_.size();
    std::visit([&](const auto& stage) { run_stage(stage, is_last, text); }, stages_[i]);
  }
}

}  // namespace minimax::text
