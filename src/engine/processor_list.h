// SPDX-License-Identifier: Apache-2.0
// Which processors a GenerationConfig asks for, and their order, which tables in processor_list.cc
// list.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "minimax/generation_config.h"
#include "minimax/logits_processor.h"

namespace minimax::engine {

/// What the processors know of a sequence and of its next token.
struct ProcessorContext {
  const GenerationConfig& config;
  std::span<const LogitsProcessor> user_defined;
  std::span<const std::int32_t> suppressed;
  std::span<const std::int32_t> input_ids;  ///< the prompt and the answer so far
  std::int64_t generated;                   ///< the length of the answer so far
};

/// One row of the tables.
struct ProcessorStep {
  const char* name;  ///< the field of GenerationConfig
  bool (*is_active)(const ProcessorContext& context);
  void (*apply)(const ProcessorContext& context, std::span<float> scores);
};

/// True where tokens are drawn; false where the best one is taken. A temperature next to 0 is 0.
bool is_sampling(const GenerationConfig& config);

/// Throws: Error{kCorruptFile} where a logit is NaN or infinite.
void check_logits(std::span<const float> logits);

/// The same errors as for scores, for what choose_tokens() gives in place of a token.
void check_choice(std::int32_t token);

/// Composes the processors of one sequence.
class ProcessorList {
 public:
  /// `suppressed` are forbidden whatever the other processors do. All ids of the configuration
  /// must be in the vocabulary.
  ProcessorList(GenerationConfig config, std::span<const std::int32_t> suppressed,
                std::vector<LogitsProcessor> user_defined = {});

  /// Changes the logits into the scores of which the next token is chosen.
  /// Throws: Error{kCorruptFile} where a logit is NaN or plus infinity, Error{kInvalidArgument}
  /// where a user-defined processor returns such a score or where every token is forbidden.
  void apply(std::span<const std::int32_t> input_ids, std::int64_t generated,
             std::span<float> scores) const;

  /// The fields whose steps are active, in their order.
  std::vector<std::string> names() const;

 private:
  ProcessorContext context(std::span<const std::int32_t> input_ids, std::int64_t generated) const;

  GenerationConfig config_;
  std::vector<std::int32_t> suppressed_;
  std::vector<LogitsProcessor> user_defined_;
  std::vector<ProcessorStep> processors_;  // always applied
  std::vector<ProcessorStep> warpers_;     // only for drawing
};

}  // namespace minimax::engine
