// SPDX-License-Identifier: Apache-2.0
#include "engine/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "base/check.h"
#include "cpu/processors.h"
#include "engine/workspace.h"
#include "model/activations.h"
#include "model/minimax.h"

namespace minimax::engine {
namespace {

constexpr int kMaxThreads = 1024;

std::int64_t shared_size(const model::Model& model) {
  const quant::Matrix& gate = model.weights.layers.front().moe.shared.gate;
  return gate.empty() ? 0 : gate.shape()[0];
}

WorkspaceSubject subject_of(const model::Model& model, Device device, int threads) {
  return {.config = model.config,
          .shared_size = shared_size(model),
          .precision = model.precision,
          .device = device,
          .threads = threads};
}

// What the kernels of the GPU lack so far.
void check_gpu_features(const model::Model& model, const LoadOptions& options) {
  base::check(options.attn_implementation == AttnImplementation::kFlash, ErrorCode::kUnsupported,
              "attn_implementation: eager attention is not on the GPU yet");
  base::check(model.weights.head.bias.empty(), ErrorCode::kUnsupported,
              "device: heads with a bias are not on the GPU yet");
}

int choose_threads(const LoadOptions& options) {
  base::check(
      0 <= options.threads && options.threads <= kMaxThreads, ErrorCode::kInvalidArgument, [&] {
        return fmt::format("threads: expected a number from 1 to {}, or 0 for all, found {}",
                           kMaxThreads, options.threads);
      });
  return options.threads > 0 ? options.threads : cpu::available_processors();
}

cpu::Isa choose_isa(const LoadOptions& options) {
  if (options.isa.empty()) {
    return cpu::detect_isa();
  }
  const auto isa = cpu::isa_from_name(options.isa);
  base::check(isa.has_value(), ErrorCode::kInvalidArgument, [&] {
    return fmt::format("isa: expected scalar, avx2, avx2_vnni or avx512, found \"{}\"",
                       options.isa);
  });
  base::check(cpu::can_run(*isa), ErrorCode::kDevice, [&] {
    return fmt::format("isa: this machine runs {}, asked for {}", cpu::isa_name(cpu::detect_isa()),
                       options.isa);
  });
  return *isa;
}

template <class T>
std::span<T> part_of(std::span<T> values, std::int64_t begin, std::int64_t end,
                     std::int64_t width = 1) {
  return values.empty() ? values
                        : values.subspan(static_cast<std::size_t>(begin * width),
                                         static_cast<std::size_t>((end - begin) * width));
}

/// The tokens [begin, end) of a batch, as a batch of their own.
class Piece {
 public:
  Piece(const model::Batch& whole, std::int64_t begin, std::int64_t end) : batch_(whole) {
    const auto starts = whole.cu_seqlens;
    const auto first = std::upper_bound(starts.begin(), starts.end(), begin) - 1;
    const auto last = std::lower_bound(first, starts.end(), end);
    for (auto start = first; start <= last; ++start) {
      cu_seqlens_.push_back(std::clamp(*start, begin, end) - begin);
    }
    const auto rows = whole.output_rows;
    for (auto row = std::lower_bound(rows.begin(), rows.end(), begin);
         row != rows.end() && *row < end; ++row) {
      output_rows_.push_back(static_cast<std::int32_t>(*row - begin));
    }
    batch_.token_ids = part_of(whole.token_ids, begin, end);
    batch_.inputs_embeds =
        part_of(whole.inputs_embeds, begin, end,
                static_cast<std::int64_t>(whole.inputs_embeds.size()) / whole.tokens());
    batch_.position_ids = part_of(whole.position_ids, begin, end);
    batch_.cu_seqlens = cu_seqlens_;
    batch_.states = part_of(whole.states, first - starts.begin(), last - starts.begin());
    batch_.output_rows = output_rows_;
    batch_.first_sequence += first - starts.begin();
  }
  Piece(const Piece&) = delete;
  Piece& operator=(const Piece&) = delete;
  ~Piece() = default;

  const model::Batch& batch() const { return batch_; }

 private:
  model::Batch batch_;
  std::vector<std::int64_t> cu_seqlens_;
  std::vector<std::int32_t> output_rows_;
};

}  // namespace

Runner::Runner(const model::Model& model, const LoadOptions& options) : model_(model) {
  const int threads = choose_threads(options);
  const cpu::Isa isa = choose_isa(options);
  if (options.device == Device::kCpu) {
    pool_ = std::make_unique<cpu::ThreadPool>(threads);
  } else if (options.device == Device::kCuda) {
    check_gpu_features(model, options);
    cuda_ = std::make_unique<cuda::Runtime>();
  }
  const WorkspacePlan plan = plan_workspace(subject_of(model, options.device, threads));
  max_tokens_ = plan.max_tokens;
  activations_ = tensor::Arena(model.memory->allocate(plan.activations));
  scratch_ = tensor::Arena(model.memory->allocate(plan.scratch));
  is_eager_ = options.attn_implementation == AttnImplementation::kEager;
  context_.device = options.device;
  context_.isa = isa;
  context_.pool = pool_.get();
  context_.cuda = cuda_.get();
  context_.scratch = &scratch_;
  context_.precision = model.precision;
  if (cuda_ && model.weights.head.weight.shape().rank() == 2 &&
      model.weights.head.weight.shape()[0] == model.config.vocab_size) {
    decode_step_ = std::make_unique<DecodeStep>(model, *cuda_);
  }
}

int Runner::threads() const { return pool_ ? pool_->threads() : 1; }

std::int64_t Runner::workspace_bytes() const {
  return activations_.capacity() + scratch_.capacity();
}

tensor::Tensor Runner::logits_on_device(const tensor::Shape& shape) {
  const std::int64_t bytes = shape.elements() * static_cast<std::int64_t>(sizeof(float));
  if (device_logits_.bytes() < bytes) {
    device_logits_ = {};
    device_logits_ = model_.memory->allocate(bytes);
  }
  return {device_logits_.data(), tensor::DType::kF32, shape};
}

model::Activations Runner::activations_of(std::int64_t tokens) {
  return model::activations_for_inference(
      subject_of(model_, context_.device, threads()).activations(tokens), activations_);
}

void Runner::step(const model::Batch& batch, std::span<float> logits) {
  model::Activations activations = activations_of(batch.tokens());
  const auto rows = static_cast<std::int64_t>(batch.output_rows.size());
  const std::int64_t columns = rows > 0 ? model_.weights.head.weight.shape()[0] : 0;
  const tensor::Shape shape{rows, columns};
  if (model_.memory->is_host) {
    const tensor::Tensor on_host(logits.data(), tensor::DType::kF32, shape);
    model::forward(context_, model_, batch, activations, on_host);
  } else {
    const tensor::Tensor on_device = logits_on_device(shape);
    model::forward(context_, model_, batch, activations, on_device);
    cuda_->download(on_device.bytes_begin(), std::as_writable_bytes(logits));
  }
}

// The tokens [begin, end) of a step: a part of one long sequence, or as many sequences as fit whole
// behind the end of the first.
std::int64_t Runner::end_of_step(const model::Batch& batch, std::int64_t begin) const {
  const auto starts = batch.cu_seqlens;
  auto next = std::upper_bound(starts.begin(), starts.end(), begin);
  const std::int64_t limit = begin + max_tokens_;
  if (*next > limit) {
    return limit;
  }
  while (next + 1 != starts.end() && next[1] <= limit) {
    ++next;
  }
  return *next;
}

bool Runner::run(const model::Batch& batch, std::span<float> logits, const RunOptions& options) {
  prepare(options);
  const std::int64_t columns =
      batch.output_rows.empty() ? 0 : model_.weights.head.weight.shape()[0];
  std::size_t rows_done = 0;
  std::int64_t end = 0;
  for (std::int64_t begin = 0; begin < batch.tokens(); begin = end) {
    if (options.goes_on && !options.goes_on(begin)) {
      return false;
    }
    end = end_of_step(batch, begin);
    const Piece piece(batch, begin, end);
    const std::size_t rows = piece.batch().output_rows.size();
    step(piece.batch(), logits.subspan(rows_done * static_cast<std::size_t>(columns),
                                       rows * static_cast<std::size_t>(columns)));
    rows_done += rows;
  }
  return true;
}

bool Runner::can_choose(std::int64_t sequences) const {
  return decode_step_ && sequences <= std::min(DecodeStep::kMostSequences, max_tokens_);
}

// What the last run looked on with may be gone.
void Runner::prepare(const RunOptions& options) {
  context_.keeps_attention_weights = is_eager_ || options.keeps_attention_weights;
  context_.observer = options.observer;
  context_.noise = options.noise;
}

void Runner::choose(const model::Batch& batch, std::span<const ChoicePlan> plans,
                    std::span<std::int32_t> tokens, Replay replay) {
  prepare({});
  decode_step_->run(
      context_, batch, [this](std::int64_t count) { return activations_of(count); }, plans, replay,
      tokens);
}

std::vector<PartTime> Runner::profile(const model::Batch& batch, std::int64_t repetitions) {
  base::check(batch.tokens() <= max_tokens_, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("profile: expected up to {} tokens, found {}", max_tokens_, batch.tokens());
  });
  prepare({});
  const tensor::Shape shape{std::ssize(batch.output_rows), model_.weights.head.weight.shape()[0]};
  std::vector<float> on_host;
  tensor::Tensor logits;
  if (model_.memory->is_host) {
    on_host.resize(static_cast<std::size_t>(shape.elements()));
    logits = {on_host.data(), tensor::DType::kF32, shape};
  } else {
    logits = logits_on_device(shape);
  }
  model::Activations activations = activations_of(batch.tokens());
  return engine::profile({.context = context_,
                          .model = model_,
                          .activations = activations,
                          .logits = logits,
                          .repetitions = repetitions},
                         batch);
}

void Runner::run(std::span<const std::int32_t> token_ids, model::SequenceState& state,
                 std::span<float> logits) {
  const auto tokens = static_cast<std::int64_t>(token_ids.size());
  const std::int64_t rows =
      static_cast<std::int64_t>(logits.size()) / model_.weights.head.weight.shape()[0];
  std::vector<std::int32_t> output_rows(static_cast<std::size_t>(rows));
  std::iota(output_rows.begin(), output_rows.end(), static_cast<std::int32_t>(tokens - rows));
  const std::int64_t cu_seqlens[] = {0, tokens};
  model::SequenceState* const states[] = {&state};
  run({.token_ids = token_ids,
       .cu_seqlens = cu_seqlens,
       .states = states,
       .output_rows = output_rows},
      logits);
}

}  // namespace minimax::engine
