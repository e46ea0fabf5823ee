// SPDX-License-Identifier: Apache-2.0
// The post-processor of a tokenizer file: special tokens before and behind the ids of a text.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/json.h"

namespace minimax::text {

class PostProcessor {
 public:
  PostProcessor() = default;
  PostProcessor(std::vector<std::int32_t> prefix, std::vector<std::int32_t> suffix)
      : prefix_(std::move(prefix)), suffix_(std::move(suffix)) {}

  /// From the "post_processor" member of a tokenizer file: templates (their form for one text),
  /// ByteLevel (which only moves offsets) and sequences of them.
  /// Throws: Error{kUnsupported} naming an unknown type, Error{kCorruptFile}.
  static PostProcessor from_json(const base::JsonView& json);

  const std::vector<std::int32_t>& prefix() const { return prefix_; }
  const std::vector<std::int32_t>& suffix() const { return suffix_; }

 private:
  void add_template(const base::JsonView& json);

  std::vector<std::int32_t> prefix_;
  std::vector<std::int32_t> suffix_;
};

}  // namespace minimax::text
