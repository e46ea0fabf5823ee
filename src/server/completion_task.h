// SPDX-License-Identifier: Apache-2.0
// POST /v1/completions: texts or token ids that are continued as they stand, with the
// probabilities of the prompt where asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/json.h"
#include "server/answer.h"
#include "server/limits.h"
#include "server/served_model.h"

namespace minimax::server {

struct CompletionTask {
  std::vector<serving::Request> requests;  ///< one for each prompt
  std::int64_t answers = 1;                ///< n: shown of each prompt
  std::int64_t best_of = 1;                ///< drawn of each prompt
  std::optional<std::int64_t> logprobs;
  bool echo = false;
  bool names_tokens_by_id = false;  ///< "token_id:17" in logprobs
  bool streams = false;
  bool includes_usage = false;
  bool returns_progress = false;  ///< in a stream, while the prompt is read
};

/// Throws: ApiError{400} naming the field; ApiError{404} for another model.
CompletionTask read_completion_request(const base::Json& body, const ServedModel& model,
                                       const RequestLimits& limits);

/// `tokenizer` must outlive the writer.
std::unique_ptr<AnswerWriter> make_completion_answer(AnswerIdentity identity,
                                                     const CompletionTask& task,
                                                     const Tokenizer& tokenizer);

}  // namespace minimax::server
