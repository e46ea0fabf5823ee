// SPDX-License-Identifier: Apache-2.0
// The splitting rules by the names that llama.cpp gives them (tokenizer.ggml.pre).
#pragma once

#include <optional>
#include <string_view>

#include "text/pre_tokenizer.h"

namespace minimax::text {

struct GgufSplitting {
  PreTokenizer pre_tokenizer;
  bool ignore_merges = false;  // a piece that is a token stays whole
  bool adds_bos = false;       // where the file does not say
};

/// The rule of that name, or nothing where it is not known here. Some names share a rule.
std::optional<GgufSplitting> find_gguf_splitting(std::string_view name);

/// The name of the rule that cuts as `pre_tokenizer` does and merges in the same way; empty where
/// llama.cpp has none that is known here.
std::string_view gguf_splitting_name(const PreTokenizer& pre_tokenizer, bool ignore_merges);

}  // namespace minimax::text
