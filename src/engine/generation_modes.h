// SPDX-License-Identifier: Apache-2.0
// The ways in which generate() chooses tokens. Each returns the answers to all prompts, those to
// one prompt beside each other.
#pragma once

#include <span>
#include <vector>

#include "engine/generation_steps.h"

namespace minimax::engine {

/// The likeliest or a drawn token, one after the other. `state`, where it is not null, is continued
/// and advanced; then there must be one prompt and one answer.
std::vector<GenerateOutput> generate_token_by_token(const GenerationCall& call,
                                                    std::span<const Prompt> prompts,
                                                    model::SequenceState* state);

/// Beam search, with draws where the configuration samples.
std::vector<GenerateOutput> generate_with_beams(const GenerationCall& call,
                                                std::span<const Prompt> prompts);

/// Tokens by tokens: candidates of `draft` or, where it is null, of a look-up in what stands before
/// are verified together; one sequence after the other. `state` as above.
std::vector<GenerateOutput> generate_assisted(const GenerationCall& call,
                                              std::span<const Prompt> prompts,
                                              MiniMaxPreTrainedModel::Impl* draft,
                                              model::SequenceState* state);

}  // namespace minimax::engine
