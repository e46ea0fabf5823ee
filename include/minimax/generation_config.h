// SPDX-License-Identifier: Apache-2.0
// How the next token is chosen and when generation ends.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "minimax/config.h"

namespace minimax {

/// Fields carry the names and meanings of transformers' GenerationConfig.
struct GenerationConfig {
  std::int64_t max_new_tokens = 256;
  std::int64_t min_new_tokens = 0;
  bool do_sample = false;           ///< false: the most likely token, the lowest id among equals
  double temperature = 1.0;         ///< above 0; 0 means do_sample = false
  std::int64_t top_k = 0;           ///< 0: no limit
  double top_p = 1.0;               ///< in (0, 1]
  double min_p = 0.0;               ///< in [0, 1)
  double repetition_penalty = 1.0;  ///< above 0; 1 has no effect
  std::uint64_t seed = 0;
  std::vector<std::int32_t> eos_token_id;
  bool ignore_eos = false;  ///< never choose an end token
  std::vector<std::string> stop_strings;

  /// Oddities that were replaced by safe defaults, for the caller to show.
  std::vector<std::string> warnings;

  /// Reads generation_config.json of a model directory, where present, over the defaults; end
  /// tokens fall back to those of `config`. Values out of range become warnings and defaults.
  /// Throws: Error{kCorruptFile} for a file that is not JSON.
  static GenerationConfig from_pretrained(const std::filesystem::path& directory,
                                          const MiniMaxConfig& config);

  /// Throws: Error{kInvalidArgument} naming the first field out of its range.
  void validate() const;
};

}  // namespace minimax
