// SPDX-License-Identifier: Apache-2.0
// The pre-tokenizer of a tokenizer file: a list of stages that cut the text into the pieces
// within which the model merges.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"
#include "text/split.h"

namespace minimax::text {

struct SplitStage {
  Pattern pattern;
  SplitRule rule = {};
  bool operator==(const SplitStage&) const = default;
};
struct DigitsStage {
  bool individual = false;
  bool operator==(const DigitsStage&) const = default;
};
struct ByteLevelStage {
  bool add_prefix_space = false;
  bool use_regex = true;
  bool operator==(const ByteLevelStage&) const = default;
};
struct WhitespaceStage {  // runs of word characters and of symbols
  bool operator==(const WhitespaceStage&) const = default;
};
struct WhitespaceSplitStage {  // what lies between spaces
  bool operator==(const WhitespaceSplitStage&) const = default;
};
struct PunctuationStage {
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool operator==(const PunctuationStage&) const = default;
};
enum class PrependScheme { kAlways, kFirst, kNever };
struct MetaspaceStage {
  std::string replacement;
  PrependScheme prepend_scheme = PrependScheme::kAlways;
  bool split = true;
  bool operator==(const MetaspaceStage&) const = default;
};
using PreTokenizerStage = std::variant<SplitStage, DigitsStage, ByteLevelStage, WhitespaceStage,
                                       WhitespaceSplitStage, PunctuationStage, MetaspaceStage>;

/// The text to cut, and the pieces. Texts that stages write are kept in `owned`, which the pieces
/// point into.
struct PreTokenizedText {
  std::vector<std::string_view> pieces;
  std::deque<std::string>* owned = nullptr;  // must outlive the pieces
  bool at_start = true;                      // whether the first piece begins the whole text
  StepBudget* budget = nullptr;              // of the whole text
};

class PreTokenizer {
 public:
  /// From the "pre_tokenizer" member of a tokenizer file.
  /// Throws: Error{kUnsupported} naming an unknown type, Error{kCorruptFile}.
  static PreTokenizer from_json(const base::JsonView& json);

  explicit PreTokenizer(std::vector<PreTokenizerStage> stages = {});

  /// The member of a tokenizer file that from_json() makes the same of.
  base::Json to_json() const;

  /// Replaces every piece by those it is cut into. Requires: valid UTF-8.
  /// Throws: as Regex::find_all.
  void run(PreTokenizedText& text) const;

  /// Whether the model must map the bytes of the pieces to the byte alphabet. True where the
  /// last stage is ByteLevel, which then leaves the mapping to the model.
  bool leaves_bytes() const { return leaves_bytes_; }

  /// Whether both cut every text at the same places because they say the same.
  bool operator==(const PreTokenizer&) const = default;

 private:
  std::vector<PreTokenizerStage> stages_;
  bool leaves_bytes_ = false;
};

}  // namespace minimax::text
