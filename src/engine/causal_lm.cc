// SPDX-License-Identifier: Apache-2.0
#include "engine/causal_lm.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace minimax {
namespace {

// Collects the rows that an observer is shown into one vector for each hidden state.
model::HiddenStateObserver collector(std::vector<std::vector<float>>& hidden_states) {
  return [&hidden_states](std::int64_t index, const tensor::Tensor& rows) {
    std::vector<float>& all = hidden_states[static_cast<std::size_t>(index)];
    all.insert(all.end(), rows.data<float>(), rows.data<float>() + rows.elements());
  };
}

}  // namespace

namespace engine {

void check_token_ids(std::span<const std::int32_t> ids, std::int64_t vocab_size) {
  base::check(!ids.empty(), ErrorCode::kInvalidArgument,
              "input_ids: expected at least one token, found none");
  for (std::size_t i = 0; i < ids.size(); ++i) {
    base::check(0 <= ids[i] && ids[i] < vocab_size, ErrorCode::kInvalidArgument, [&] {
      return fmt::format("input_ids[{}]: expected an id from 0 to {}, found {}", i, vocab_size - 1,
                         ids[i]);
    });
  }
}

}  // namespace engine

State::State(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
State::State(const State& other) : impl_(std::make_unique<Impl>(*other.impl_)) {}
State& State::operator=(const State& other) {
  impl_ = std::make_unique<Impl>(*other.impl_);
  return *this;
}
State::State(State&&) noexcept = default;
State& State::operator=(State&&) noexcept = default;
State::~State() = default;

std::int64_t State::length() const { return impl_->sequence.length(); }
std::int64_t State::bytes() const { return impl_->sequence.bytes(); }
std::string State::save() const { return impl_->sequence.save(); }

MiniMaxForCausalLM::MiniMaxForCausalLM(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MiniMaxForCausalLM::MiniMaxForCausalLM(MiniMaxForCausalLM&&) noexcept = default;
MiniMaxForCausalLM& MiniMaxForCausalLM::operator=(MiniMaxForCausalLM&&) noexcept = default;
MiniMaxForCausalLM::~MiniMaxForCausalLM() = default;

MiniMaxForCausalLM MiniMaxForCausalLM::from_pretrained(const std::filesystem::path& directory,
                                                       const LoadOptions& options) {
  model::Model model = model::load_model(directory, options);
  GenerationConfig generation = GenerationConfig::from_pretrained(directory, model.config);
  model.warnings.insert(model.warnings.end(), generation.warnings.begin(),
                        generation.warnings.end());
  return MiniMaxForCausalLM(
      std::make_unique<Impl>(std::move(model), std::move(generation), options));
}

const MiniMaxConfig& MiniMaxForCausalLM::config() const { return impl_->model.config; }
const GenerationConfig& MiniMaxForCausalLM::generation_config() const {
  return impl_->generation_config;
}
const ModelSize& MiniMaxForCausalLM::size() const { return impl_->model.size; }
int MiniMaxForCausalLM::threads() const { return impl_->runner.threads(); }
ComputeType MiniMaxForCausalLM::dtype() const {
  return impl_->model.precision == ops::Precision::kBFloat16 ? ComputeType::kBFloat16
                                                             : ComputeType::kFloat32;
}
const std::vector<std::int32_t>& MiniMaxForCausalLM::suppressed_tokens() const {
  return impl_->model.suppressed_tokens;
}
const std::vector<std::string>& MiniMaxForCausalLM::warnings() const {
  return impl_->model.warnings;
}

State MiniMaxForCausalLM::new_state() const {
  return State(std::make_unique<State::Impl>(
      State::Impl{model::SequenceState(impl_->model.config, impl_->model.precision)}));
}

State MiniMaxForCausalLM::restore_state(std::string_view bytes) const {
  return State(std::make_unique<State::Impl>(State::Impl{
      model::SequenceState::restore(bytes, impl_->model.config, impl_->model.precision)}));
}

CausalLMOutput MiniMaxForCausalLM::forward(std::span<const std::int32_t> input_ids,
                                           const ForwardOptions& options) {
  const MiniMaxConfig& config = impl_->model.config;
  engine::check_token_ids(input_ids, config.vocab_size);
  const auto tokens = static_cast<std::int64_t>(input_ids.size());
  base::check(0 <= options.logits_to_keep && options.logits_to_keep <= tokens,
              ErrorCode::kInvalidArgument, [&] {
                return fmt::format("logits_to_keep: expected 0 to {}, found {}", tokens,
                                   options.logits_to_keep);
              });
  const std::int64_t kept = options.logits_to_keep > 0 ? options.logits_to_keep : tokens;
  const std::int64_t first_kept = tokens - kept;

  CausalLMOutput output{.vocab_size = config.vocab_size, .logits = {}, .hidden_states = {}};
  output.logits.resize(static_cast<std::size_t>(kept * config.vocab_size));
  model::HiddenStateObserver observe;
  if (options.output_hidden_states) {
    output.hidden_states.resize(static_cast<std::size_t>(config.num_hidden_layers + 1));
    observe = collector(output.hidden_states);
  }
  State fresh = new_state();
  model::SequenceState& state =
      (options.past_key_values != nullptr ? *options.past_key_values : fresh).impl().sequence;
  const std::int64_t step = impl_->runner.max_tokens();
  for (std::int64_t begin = 0; begin < tokens; begin += step) {
    const std::int64_t end = std::min(begin + step, tokens);
    const std::int64_t first_row = std::max(begin, first_kept);
    const std::int64_t rows = std::max<std::int64_t>(0, end - first_row);
    const auto offset = static_cast<std::size_t>((first_row - first_kept) * config.vocab_size);
    impl_->runner.step(
        input_ids.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)),
        state,
        rows > 0 ? std::span(output.logits)
                       .subspan(offset, static_cast<std::size_t>(rows * config.vocab_size))
                 : std::span<float>(),
        observe);
  }
  return output;
}

}  // namespace minimax
