// SPDX-License-Identifier: Apache-2.0
#include "engine/profile.h"

#include <algorithm>
#include <chrono>
#include <map>

#include "cuda/event_marks.h"
#include "cuda/graph.h"
#include "model/minimax.h"
#include "model/placed_batch.h"

namespace minimax::engine {
namespace {

using Clock = std::chrono::steady_clock;

/// The parts of a pass as they begin.
class PartList : public model::Profiler {
 public:
  void begin(const char* part) override { parts_.push_back(part); }
  const std::vector<const char*>& parts() const { return parts_; }

 private:
  std::vector<const char*> parts_;
};

class ClockProfiler : public PartList {
 public:
  void begin(const char* part) override {
    PartList::begin(part);
    moments_.push_back(Clock::now());
  }
  std::vector<double> seconds() const {
    std::vector<double> all;
    for (std::size_t i = 0; i < moments_.size(); ++i) {
      const Clock::time_point end = i + 1 < moments_.size() ? moments_[i + 1] : end_;
      all.push_back(std::chrono::duration<double>(end - moments_[i]).count());
    }
    return all;
  }
  void end() { end_ = Clock::now(); }

 private:
  std::vector<Clock::time_point> moments_;
  Clock::time_point end_;
};

class EventProfiler : public PartList {
 public:
  EventProfiler(cuda::EventMarks& marks, cuda::Stream stream) : marks_(marks), stream_(stream) {}
  void begin(const char* part) override {
    PartList::begin(part);
    end();
  }
  void end() { marks_.mark(stream_, cuda::Recorded::kYes); }

 private:
  cuda::EventMarks& marks_;
  cuda::Stream stream_;
};

/// Times of parts over several repetitions.
class Sums {
 public:
  void add(const std::vector<const char*>& parts, const std::vector<double>& seconds) {
    std::map<std::string, PartTime> sums;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      PartTime& sum = sums[parts[i]];
      ++sum.calls;
      sum.seconds += seconds[i];
      if (std::ranges::find(order_, parts[i]) == order_.end()) {
        order_.emplace_back(parts[i]);
      }
    }
    for (auto& [part, sum] : sums) {
      calls_[part] = sum.calls;
      seconds_[part].push_back(sum.seconds);
    }
  }

  std::vector<PartTime> medians() {
    std::vector<PartTime> all;
    for (const std::string& part : order_) {
      std::vector<double>& values = seconds_[part];
      std::ranges::sort(values);
      all.push_back({part, calls_[part], values[values.size() / 2]});
    }
    return all;
  }

 private:
  std::vector<std::string> order_;
  std::map<std::string, std::int64_t> calls_;
  std::map<std::string, std::vector<double>> seconds_;
};

std::vector<PartTime> profile_on_gpu(const ProfileArgs& args, const model::Batch& batch) {
  const model::PlacedBatch placed(args.context, args.model, batch);
  const auto run = [&](const model::Context& ctx) {
    model::run_layers(ctx, args.model, batch, placed, args.activations, args.logits);
  };
  run(args.context);  // what is made at the first call
  cuda::EventMarks marks;
  const cuda::Stream stream = args.context.cuda->stream();
  EventProfiler profiler(marks, stream);
  const cuda::Graph graph(stream, [&] {
    model::Context ctx = args.context;
    ctx.profiler = &profiler;
    run(ctx);
    profiler.end();
  });
  Sums sums;
  for (std::int64_t i = 0; i <= args.repetitions; ++i) {
    graph.launch(stream);
    args.context.cuda->synchronize();
    if (i > 0) {
      sums.add(profiler.parts(), marks.seconds());
    }
  }
  return sums.medians();
}

std::vector<PartTime> profile_on_host(const ProfileArgs& args, const model::Batch& batch) {
  Sums sums;
  for (std::int64_t i = 0; i <= args.repetitions; ++i) {
    ClockProfiler profiler;
    model::Context ctx = args.context;
    ctx.profiler = &profiler;
    model::forward(ctx, args.model, batch, args.activations, args.logits);
    profiler.end();
    if (i > 0) {
      sums.add(profiler.parts(), profiler.seconds());
    }
  }
  return sums.medians();
}

}  // namespace

std::vector<PartTime> profile(const ProfileArgs& args, const model::Batch& batch) {
  return args.model.memory->is_host ? profile_on_host(args, batch) : profile_on_gpu(args, batch);
}

}  // namespace minimax::engine
