// SPDX-License-Identifier: Apache-2.0
#include "serving/step.h"

#include <algorithm>

namespace minimax::serving {
namespace {

/// Ends a step that nobody waits for any more.
class Abandoned : public std::exception {
 public:
  const char* what() const noexcept override { return "all requests of the step were cancelled"; }
};

/// Looks out for cancellations, and hands out the last hidden states.
class StepObserver : public model::ForwardObserver {
 public:
  StepObserver(std::span<Work> works, std::int64_t layers, const std::function<void()>& poll)
      : works_(works), layers_(layers), poll_(poll) {}

  void hidden_state(std::int64_t index, const tensor::Tensor& rows) override {
    if (index == layers_) {
      hand_out(rows);
      return;
    }
    poll_();
    if (std::ranges::all_of(works_, [](const Work& work) { return work.job->is_cancelled(); })) {
      throw Abandoned();
    }
  }

 private:
  // The runner may cut the batch into several passes, but goes through it in order.
  void hand_out(const tensor::Tensor& rows) {
    const std::int64_t width = rows.shape()[1];
    std::int64_t row = 0;
    while (row < rows.shape()[0]) {
      const Work& work = works_[current_];
      const std::int64_t count =
          std::min(rows.shape()[0] - row, std::ssize(work.piece.tokens) - done_);
      if (work.piece.wants_hidden) {
        work.job->prompt().take_hidden(std::span<const float>(
            rows.data<float>() + row * width, static_cast<std::size_t>(count * width)));
      }
      row += count;
      done_ += count;
      if (done_ == std::ssize(work.piece.tokens)) {
        ++current_;
        done_ = 0;
      }
    }
  }

  std::span<Work> works_;
  std::int64_t layers_;
  const std::function<void()>& poll_;
  std::size_t current_ = 0;
  std::int64_t done_ = 0;  // tokens of the current piece
};

}  // namespace

void Step::reserve(std::vector<Work>& works) const {
  for (Work& work : works) {
    try {
      work.piece.state->reserve(std::ssize(work.piece.tokens));
    } catch (...) {
      work.job->fail(std::current_exception());
    }
  }
  std::erase_if(works, [](const Work& work) { return work.job->has_failed(); });
}

// Beside answers a step is short enough; and on a GPU, where it is anyway, every look between the
// layers would wait for the device and copy from it.
bool Step::needs_observer(std::span<const Work> works) const {
  const bool wants_hidden =
      std::ranges::any_of(works, [](const Work& work) { return work.piece.wants_hidden; });
  const bool reads_only =
      std::ranges::all_of(works, [](const Work& work) { return work.answer == nullptr; });
  return wants_hidden || (reads_only && context_.impl.runner.pool() != nullptr);
}

bool Step::can_choose(std::span<const Work> works) const {
  return context_.impl.runner.can_choose(std::ssize(works)) &&
         std::ranges::all_of(works, [](const Work& work) {
           return work.answer != nullptr && work.answer->can_plan() &&
                  std::ssize(work.piece.tokens) == 1 && work.piece.outputs == 1;
         });
}

// Kernels of a GPU are chosen by the number of rows; those of the processor give every row its
// bits.
bool Step::runs_alone() const {
  return context_.options.batch_invariant && !context_.model().memory->is_host;
}

void Step::run_all(std::span<Work> works, const std::function<void()>& poll) {
  const auto width = static_cast<std::size_t>(context_.vocab_size());
  std::size_t outputs = 0;
  for (const Work& work : works) {
    outputs += static_cast<std::size_t>(work.piece.outputs);
  }
  logits_.resize(std::max(logits_.size(), outputs * width));
  const std::size_t batch = runs_alone() ? 1 : works.size();
  std::size_t row = 0;
  for (std::size_t begin = 0; begin < works.size(); begin += batch) {
    const std::span<Work> some = works.subspan(begin, batch);
    const std::size_t first = row;
    for (Work& work : some) {
      const auto rows = static_cast<std::size_t>(work.piece.outputs);
      work.logits = std::span(logits_).subspan(row * width, rows * width);
      row += rows;
    }
    run_batch(some, std::span(logits_).subspan(first * width, (row - first) * width), poll);
  }
}

// Fills `logits`, those of all works, unless the device chooses.
void Step::run_batch(std::span<Work> works, std::span<float> logits,
                     const std::function<void()>& poll) {
  std::vector<std::int32_t> tokens;
  std::vector<std::int64_t> cu_seqlens = {0};
  std::vector<model::SequenceState*> states;
  std::vector<std::int32_t> output_rows;
  for (const Work& work : works) {
    tokens.insert(tokens.end(), work.piece.tokens.begin(), work.piece.tokens.end());
    cu_seqlens.push_back(std::ssize(tokens));
    states.push_back(work.piece.state);
    for (std::int64_t row = cu_seqlens.back() - work.piece.outputs; row < cu_seqlens.back();
         ++row) {
      output_rows.push_back(static_cast<std::int32_t>(row));
    }
  }
  if (can_choose(works)) {
    std::vector<engine::ChoicePlan> plans;
    std::vector<std::int32_t> chosen(works.size());
    for (const Work& work : works) {
      plans.push_back(work.answer->plan());
    }
    context_.impl.runner.choose({.token_ids = tokens,
                                 .cu_seqlens = cu_seqlens,
                                 .states = states,
                                 .output_rows = output_rows},
                                plans, chosen);
    for (std::size_t i = 0; i < works.size(); ++i) {
      works[i].token = chosen[i];
    }
    return;
  }
  StepObserver observer(works, context_.model().config.num_hidden_layers, poll);
  context_.impl.runner.run(
      {.token_ids = tokens, .cu_seqlens = cu_seqlens, .states = states, .output_rows = output_rows},
      logits, {.observer = needs_observer(works) ? &observer : nullptr});
}

double Step::run(std::vector<Work>& works, const std::function<void()>& poll) {
  reserve(works);
  if (works.empty()) {
    return 0.0;
  }
  const Clock::time_point begin = Clock::now();
  try {
    run_all(works, poll);
  } catch (const Abandoned&) {
    for (const Work& work : works) {
      work.job->drop_states();  // they are half written
    }
    works.clear();
  } catch (...) {
    for (const Work& work : works) {
      work.job->fail(std::current_exception());
    }
    works.clear();
  }
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace minimax::serving
