// SPDX-License-Identifier: Apache-2.0
// The options of generate that say how it looks for an answer: beams, several answers, assistance.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "minimax/generation_config.h"
#include "minimax/model.h"
#include "support/cli11_fwd.h"
#include "support/environment.h"
#include "support/model_options.h"

namespace minimax::apps {

/// Only what was said; everything else follows the model's generation_config.json.
struct SearchOptions {
  std::optional<std::int64_t> num_beams;
  std::optional<std::int64_t> num_return_sequences;
  std::optional<double> length_penalty;
  std::optional<std::string> early_stopping;
  std::optional<std::int64_t> prompt_lookup_num_tokens;
  std::optional<std::int64_t> max_matching_ngram_size;
  std::optional<std::int64_t> num_assistant_tokens;
  std::optional<std::string> draft;  // a model
  std::optional<double> max_time;
};

void add_search_options(CLI::App& command, Environment& environment, SearchOptions& options);

/// `config` with the options applied.
GenerationConfig with_search(const SearchOptions& options, GenerationConfig config);

/// Loads the model that drafts, to run like `model`; nothing where none was named.
/// Throws: UsageError where its vocabulary is not that of `tokenizer`.
std::optional<MiniMaxForCausalLM> load_draft(const SearchOptions& options,
                                             const ModelOptions& model, const Tokenizer& tokenizer);

}  // namespace minimax::apps
