// SPDX-License-Identifier: Apache-2.0
// What stands behind the public model classes and State.
#pragma once

#include <utility>

#include "engine/runner.h"
#include "minimax/model.h"
#include "model/loader.h"
#include "model/state.h"

namespace minimax {

struct State::Impl {
  model::SequenceState sequence;
};

struct MiniMaxPreTrainedModel::Impl {
  Impl(model::Model loaded, const LoadOptions& options)
      : model(std::move(loaded)), runner(model, options) {}

  model::Model model;
  GenerationConfig generation_config;  // of models with a language head
  engine::Runner runner;
};

}  // namespace minimax

namespace minimax::engine {

/// Loads what stands behind a model class. Throws: as model::load_model.
std::unique_ptr<MiniMaxPreTrainedModel::Impl> load_pretrained(
    const std::filesystem::path& directory, model::HeadKind head, const LoadOptions& options);

/// As above, with random weights. Throws: as model::random_model.
std::unique_ptr<MiniMaxPreTrainedModel::Impl> make_pretrained(const MiniMaxConfig& config,
                                                              model::HeadKind head,
                                                              const LoadOptions& options,
                                                              std::uint64_t seed);

model::SequenceState empty_sequence(const model::Model& model);
State make_state(model::SequenceState sequence);
/// Of an empty sequence.
State new_state(const model::Model& model);

/// Throws Error{kInvalidArgument} naming the first id outside of the vocabulary, or for no ids.
void check_token_ids(std::span<const std::int32_t> ids, std::int64_t vocab_size);

}  // namespace minimax::engine
