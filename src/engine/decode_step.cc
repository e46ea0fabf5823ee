// SPDX-License-Identifier: Apache-2.0
#include "engine/decode_step.h"

#include <algorithm>
#include <vector>

#include "cuda/memory.h"
#include "model/minimax.h"
#include "model/placed_batch.h"
#include "ops/choose_tokens/choose_tokens.h"
#include "ops/place.h"

namespace minimax::engine {
namespace {

// Rules, and the tokens that penalties look back on.
constexpr std::int64_t kStagingBytes = std::int64_t{12} << 20;
constexpr std::int64_t kTokenBytes =
    DecodeStep::kMostSequences * static_cast<std::int64_t>(sizeof(std::int32_t));

std::int64_t logits_bytes(std::int64_t vocab_size) {
  return DecodeStep::kMostSequences * vocab_size * static_cast<std::int64_t>(sizeof(float));
}

}  // namespace

DecodeStep::DecodeStep(const model::Model& model, cuda::Runtime& runtime)
    : model_(model),
      runtime_(runtime),
      staging_(kStagingBytes),
      logits_(model.memory->allocate(logits_bytes(model.config.vocab_size))),
      tokens_(model.memory->allocate(kTokenBytes)),
      chosen_(model.memory->allocate_staging(kTokenBytes)) {}

std::int64_t DecodeStep::device_bytes(std::int64_t vocab_size) {
  return kStagingBytes + logits_bytes(vocab_size) + kTokenBytes;
}

std::int64_t DecodeStep::recordings() const {
  return std::ranges::count_if(
      recordings_, [](const auto& of_size) { return of_size.second.graph.has_value(); });
}

std::span<const ops::ChoiceRule> DecodeStep::place_plans(std::span<const ChoicePlan> plans) {
  std::vector<ops::ChoiceRule> rules;
  staging_.start(ops::placed_bytes<ops::ChoiceRule>(std::ssize(plans)));
  for (const ChoicePlan& plan : plans) {
    rules.push_back(plan.rule);
    rules.back().edit_count = std::ssize(plan.edits);
    if (!plan.edits.empty()) {
      const auto bytes = static_cast<std::int64_t>(std::span(plan.edits).size_bytes());
      rules.back().edits =
          reinterpret_cast<const ops::ScoreEdit*>(staging_.put_behind(plan.edits.data(), bytes));
    }
  }
  const std::byte* placed =
      staging_.put(rules.data(), static_cast<std::int64_t>(std::span(rules).size_bytes()));
  staging_.send(runtime_.stream());
  return {reinterpret_cast<const ops::ChoiceRule*>(placed), rules.size()};
}

void DecodeStep::run(const model::Context& ctx, const model::Batch& batch,
                     const std::function<model::Activations(std::int64_t tokens)>& activations,
                     std::span<const ChoicePlan> plans, Replay replay,
                     std::span<std::int32_t> tokens) {
  const std::int64_t sequences = batch.tokens();
  const std::span<const ops::ChoiceRule> rules = place_plans(plans);
  const model::PlacedBatch placed(ctx, model_, batch);
  const auto work = [&] {
    model::Activations a = activations(sequences);
    const tensor::Tensor logits(logits_.data(), tensor::DType::kF32,
                                {sequences, model_.config.vocab_size});
    model::run_layers(ctx, model_, batch, placed, a, logits);
    ops::cuda::choose_tokens(ctx, {.logits = logits,
                                   .rules = rules,
                                   .tokens = {reinterpret_cast<std::int32_t*>(tokens_.data()),
                                              static_cast<std::size_t>(sequences)}});
  };
  Recording& recording = recordings_[sequences];
  if (replay == Replay::kNever || !recording.has_run) {
    work();  // what is made at the first call, such as the plans of a library, is there afterwards
    recording.has_run = true;
  } else {
    if (!recording.graph) {
      recording.graph.emplace(runtime_.stream(), work);
    }
    recording.graph->launch(runtime_.stream());
  }
  const auto bytes = static_cast<std::size_t>(tokens.size_bytes());
  runtime_.download(tokens_.data(), {chosen_.data(), bytes});
  std::copy_n(reinterpret_cast<const std::int32_t*>(chosen_.data()), tokens.size(), tokens.begin());
}

}  // namespace minimax::engine
