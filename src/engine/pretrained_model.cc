// SPDX-License-Identifier: Apache-2.0
#include "engine/pretrained_model.h"

#include <fmt/format.h>

#include "base/check.h"
#include "cuda/device.h"
#include "engine/workspace.h"

namespace minimax {
namespace engine {

namespace {

// Knows all that a model runs in.
model::MemoryPlanner memory_planner(const LoadOptions& options) {
  const auto plan = [&options](const model::Model& model) {
    return plan_device(model.config, model::measure_of(model), options.device, options.threads);
  };
  return {.check =
              [plan, &options](const std::string& name, const model::Model& model) {
                check_device_memory(name, plan(model), options);
              },
          .weight_room =
              [plan, &options](const model::Model& model) {
                const DevicePlan needed = plan(model);
                return model::gpu_memory(options, cuda::require_device().free_bytes) -
                       needed.workspace.total() - needed.state;
              }};
}

}  // namespace

std::unique_ptr<MiniMaxPreTrainedModel::Impl> load_pretrained(
    const std::filesystem::path& directory, model::HeadKind head, const LoadOptions& options) {
  return std::make_unique<MiniMaxPreTrainedModel::Impl>(
      model::load_model(directory, head, options, memory_planner(options)), options);
}

std::unique_ptr<MiniMaxPreTrainedModel::Impl> make_pretrained(const MiniMaxConfig& config,
                                                              model::HeadKind head,
                                                              const LoadOptions& options,
                                                              std::uint64_t seed) {
  return std::make_unique<MiniMaxPreTrainedModel::Impl>(
      model::random_model(config, head, options, seed, memory_planner(options)), options);
}

model::SequenceState empty_sequence(const model::Model& model) {
  return {model.config, model.kv_dtype, model.identity, *model.memory};
}

State make_state(model::SequenceState sequence) {
  return State(std::make_unique<State::Impl>(State::Impl{std::move(sequence)}));
}

State new_state(const model::Model& model) { return make_state(empty_sequence(model)); }

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
State& State::operator=(const State& other) { return *this = State(other); }
State::State(State&&) noexcept = default;
State& State::operator=(State&&) noexcept = default;
State::~State() = default;

std::int64_t State::length() const { return impl_->sequence.length(); }
std::int64_t State::bytes() const { return impl_->sequence.bytes(); }
std::int64_t State::shared_bytes() const { return impl_->sequence.shared_bytes(); }
void State::snapshot() { impl_->sequence.snapshot(); }
void State::drop_snapshots() { impl_->sequence.drop_snapshots(); }
std::int64_t State::truncate(std::int64_t length) { return impl_->sequence.truncate(length); }
std::string State::save() const { return impl_->sequence.save(); }
void State::save(const std::filesystem::path& path) const { impl_->sequence.save_file(path); }

std::vector<State> reorder(std::span<const State> states, std::span<const std::int64_t> beams) {
  std::vector<State> chosen;
  chosen.reserve(beams.size());
  for (const std::int64_t beam : beams) {
    base::check(0 <= beam && beam < static_cast<std::int64_t>(states.size()),
                ErrorCode::kInvalidArgument, [&] {
                  return fmt::format("beams: expected an index below {}, found {}", states.size(),
                                     beam);
                });
    chosen.push_back(states[static_cast<std::size_t>(beam)]);
  }
  return chosen;
}

MiniMaxPreTrainedModel::MiniMaxPreTrainedModel(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
MiniMaxPreTrainedModel::MiniMaxPreTrainedModel(MiniMaxPreTrainedModel&&) noexcept = default;
MiniMaxPreTrainedModel& MiniMaxPreTrainedModel::operator=(MiniMaxPreTrainedModel&&) noexcept =
    default;
MiniMaxPreTrainedModel::~MiniMaxPreTrainedModel() = default;

const MiniMaxConfig& MiniMaxPreTrainedModel::config() const { return impl_->model.config; }
const ModelSize& MiniMaxPreTrainedModel::size() const { return impl_->model.size; }
int MiniMaxPreTrainedModel::threads() const { return impl_->runner.threads(); }
ComputeType MiniMaxPreTrainedModel::dtype() const {
  return impl_->model.precision == ops::Precision::kBFloat16 ? ComputeType::kBFloat16
                                                             : ComputeType::kFloat32;
}
const std::vector<std::string>& MiniMaxPreTrainedModel::warnings() const {
  return impl_->model.warnings;
}

State MiniMaxPreTrainedModel::new_state() const { return engine::new_state(impl_->model); }

State MiniMaxPreTrainedModel::restore_state(std::string_view bytes) const {
  const model::Model& model = impl_->model;
  return engine::make_state(model::SequenceState::restore(bytes, model.config, model.kv_dtype,
                                                          model.identity, *model.memory));
}

State MiniMaxPreTrainedModel::load_state(const std::filesystem::path& path) const {
  const model::Model& model = impl_->model;
  return engine::make_state(model::SequenceState::load_file(path, model.config, model.kv_dtype,
                                                            model.identity, *model.memory));
}

}  // namespace minimax
