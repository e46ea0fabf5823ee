// SPDX-License-Identifier: Apache-2.0
// The normalizer of a tokenizer file: a list of steps that rewrite the text before it is split.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"
#include "text/normalization_form.h"
#include "text/split.h"

namespace minimax::text {

/// A text of which some bytes may not take part in special tokens. `marks` has one byte per byte
/// of the text, 1 where special tokens are allowed; it is empty where `uniform` says so for all.
struct MarkedText {
  std::string text;
  std::string marks;
  bool uniform = true;
};

struct NormalizeForm {
  UnicodeForm form;
};
struct LowercaseText {};
struct StripAccents {};
struct StripSpaces {
  bool left;
  bool right;
};
struct PrependText {
  std::string text;
};
struct ReplaceText {
  Pattern pattern;
  std::string content;
};
using NormalizerStep =
    std::variant<NormalizeForm, LowercaseText, StripAccents, StripSpaces, PrependText, ReplaceText>;

class Normalizer {
 public:
  /// From the "normalizer" member of a tokenizer file.
  /// Throws: Error{kUnsupported} naming an unknown type, Error{kCorruptFile}.
  static Normalizer from_json(const base::JsonView& json);

  explicit Normalizer(std::vector<NormalizerStep> steps) : steps_(std::move(steps)) {}

  bool empty() const { return steps_.empty(); }

  /// Rewrites in place. Marks move with the characters that they belong to; what a step makes
  /// from several characters is allowed in special tokens only if all of them are.
  /// Requires: valid UTF-8.
  void apply(MarkedText& text) const;
  std::string apply(std::string_view text) const;

 private:
  std::vector<NormalizerStep> steps_;
};

}  // namespace minimax::text
