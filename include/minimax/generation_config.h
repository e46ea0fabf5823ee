// SPDX-License-Identifier: Apache-2.0
// How the next token is chosen and when generation ends.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "minimax/config.h"

namespace minimax {

/// When beam search ends: once no running beam seems able to beat the worst of num_beams answers
/// (kFalse), once there are num_beams answers (kTrue), or once none can beat it (kNever).
enum class EarlyStopping { kFalse, kTrue, kNever };

/// How many tokens an assistant drafts: always the same, or 2 more after all were right and else 1
/// less. Both heuristics begin anew with every call.
enum class AssistantSchedule { kConstant, kHeuristic, kHeuristicTransient };

/// Fields carry the names and meanings of transformers' GenerationConfig.
struct GenerationConfig {
  /// Lengths. max_length and min_length count the prompt, too, and matter only where max_new_tokens
  /// or min_new_tokens is left unset; with no limit at all, 256 tokens are generated.
  std::optional<std::int64_t> max_new_tokens;
  std::int64_t min_new_tokens = 0;  ///< no end token before; 0: unset
  std::optional<std::int64_t> max_length;
  std::int64_t min_length = 0;
  std::optional<double> max_time;  ///< seconds after which no other token is begun

  bool do_sample = false;           ///< false: the most likely token, the lowest id among equals
  double temperature = 1.0;         ///< above 0; 0 means do_sample = false
  std::int64_t top_k = 0;           ///< 0: no limit
  double top_p = 1.0;               ///< in (0, 1]
  double min_p = 0.0;               ///< in [0, 1]
  double typical_p = 1.0;           ///< in (0, 1]; 1 has no effect
  double epsilon_cutoff = 0.0;      ///< in [0, 1); 0 has no effect
  double eta_cutoff = 0.0;          ///< in [0, 1); 0 has no effect
  double repetition_penalty = 1.0;  ///< above 0; 1 has no effect

  // The fields down to xtc_threshold are not those of transformers, but of servers.
  /// Taken from the score of a token for every time that it was generated, and once if it was. The
  /// prompt does not count. Source: the API of OpenAI.
  double frequency_penalty = 0.0;
  double presence_penalty = 0.0;
  std::map<std::int32_t, double> logit_bias;  ///< added to the scores of these tokens

  /// DRY: where the last tokens stood before, what followed them there loses dry_multiplier *
  /// dry_base ^ (their number - dry_allowed_length), from dry_allowed_length tokens on. Of the last
  /// dry_penalty_last_n tokens of prompt and answer (-1: all); no match reaches over a breaker.
  double dry_multiplier = 0.0;  ///< 0 has no effect
  double dry_base = 1.75;
  std::int64_t dry_allowed_length = 2;
  std::int64_t dry_penalty_last_n = -1;
  std::vector<std::int32_t> dry_sequence_breakers;

  /// XTC: with this probability, of the tokens that are at least as probable as the threshold only
  /// the least probable one is kept. When sampling.
  double xtc_probability = 0.0;  ///< in [0, 1]; 0 has no effect
  double xtc_threshold = 0.1;    ///< in [0, 1]; above 0.5 has no effect

  /// Sequences of so many tokens are never generated twice; 0: no rule.
  std::int64_t no_repeat_ngram_size = 0;
  /// Sequences that are never generated. An end token alone has no effect here.
  std::vector<std::vector<std::int32_t>> bad_words_ids;
  std::vector<std::int32_t> suppress_tokens;        ///< never generated
  std::vector<std::int32_t> begin_suppress_tokens;  ///< not as the first new token

  /// Answers to each prompt: up to num_beams, or as many as are drawn.
  std::int64_t num_return_sequences = 1;

  std::int64_t num_beams = 1;  ///< above 1: beam search
  double length_penalty =
      1.0;  ///< scores are divided by length ^ length_penalty; above 0 favours long
  EarlyStopping early_stopping = EarlyStopping::kFalse;

  /// Above 0: assisted by what followed the last max_matching_ngram_size tokens, or fewer, before
  /// in the prompt and the answer, so many tokens at a time. Tokens are those of plain generation.
  std::int64_t prompt_lookup_num_tokens = 0;
  std::int64_t max_matching_ngram_size = 2;
  /// Of GenerateOptions::assistant_model: how many tokens it drafts, how this changes, and below
  /// which probability of its own it stops.
  std::int64_t num_assistant_tokens = 20;
  AssistantSchedule num_assistant_tokens_schedule = AssistantSchedule::kConstant;
  double assistant_confidence_threshold = 0.4;

  /// Where several sequences are drawn, the n-th of the outputs (from 0) has the seed `seed` + n,
  /// and beams have that of the first output of their prompt.
  std::uint64_t seed = 0;
  std::vector<std::int32_t> eos_token_id;
  bool ignore_eos = false;  ///< never choose an end token
  std::vector<std::string> stop_strings;
  bool output_scores = false;  ///< fills GenerateOutput::scores and logprobs

  /// Oddities that were replaced by safe defaults, for the caller to show.
  std::vector<std::string> warnings;

  /// Reads generation_config.json of a model directory, where present, over the defaults; end
  /// tokens fall back to those of `config`. Values out of range become warnings and defaults.
  /// Throws: Error{kCorruptFile} for a file that is not JSON.
  static GenerationConfig from_pretrained(const std::filesystem::path& directory,
                                          const MiniMaxConfig& config);

  /// Throws: Error{kInvalidArgument} naming the first field out of its range.
  void validate() const;

  /// The same with max_new_tokens and min_new_tokens set to what applies after a prompt of
  /// `prompt_tokens` tokens. Throws: Error{kInvalidArgument} where max_length leaves no room.
  GenerationConfig for_prompt(std::int64_t prompt_tokens) const;
};

}  // namespace minimax
