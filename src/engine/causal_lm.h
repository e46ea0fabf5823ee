// SPDX-License-Identifier: Apache-2.0
// What stands behind the public classes MiniMaxForCausalLM and State.
#pragma once

#include "engine/runner.h"
#include "minimax/model.h"
#include "model/loader.h"
#include "model/state.h"

namespace minimax {

struct State::Impl {
  model::SequenceState sequence;
};

struct MiniMaxForCausalLM::Impl {
  Impl(model::Model loaded, GenerationConfig generation, const LoadOptions& options)
      : model(std::move(loaded)),
        generation_config(std::move(generation)),
        runner(model, options) {}

  model::Model model;
  GenerationConfig generation_config;
  engine::Runner runner;
};

}  // namespace minimax

namespace minimax::engine {

/// Throws Error{kInvalidArgument} naming the first id outside of the vocabulary, or for no ids.
void check_token_ids(std::span<const std::int32_t> ids, std::int64_t vocab_size);

}  // namespace minimax::engine
