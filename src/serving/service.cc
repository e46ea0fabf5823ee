// SPDX-License-Identifier: Apache-2.0
#include "serving/service.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "serving/scheduler.h"
#include "tensor/block_pool.h"

namespace minimax::serving {
namespace {

ServiceOptions checked(ServiceOptions options, const MiniMaxForCausalLM& model) {
  const MiniMaxForCausalLM* draft = options.draft_model;
  base::check(draft == nullptr || draft->config().vocab_size == model.config().vocab_size,
              ErrorCode::kInvalidArgument, [&] {
                return fmt::format(
                    "draft_model: expected the vocabulary of the model, {} ids, found {}",
                    model.config().vocab_size, draft->config().vocab_size);
              });
  options.snapshot_bytes =
      std::min(options.snapshot_bytes, available_bytes(model.impl().model) / 4);
  options.chunk_tokens = std::min(options.chunk_tokens, model.impl().runner.max_tokens());
  return options;
}

// Several answers without do_sample are allowed here, though pointless: clients ask for them.
void check_config(GenerationConfig config) {
  base::check(config.num_return_sequences >= 1, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("num_return_sequences: expected a number from 1, found {}",
                       config.num_return_sequences);
  });
  base::check(config.num_beams == 1, ErrorCode::kInvalidArgument,
              [&] { return fmt::format("num_beams: expected 1, found {}", config.num_beams); });
  config.num_return_sequences = 1;
  config.validate();
}

// Of one request: its own, and that of the fork it leaves behind.
constexpr std::int64_t kStatesAhead = 2;

// As much as the states of all that can run, and their snapshots, but a small part of what there
// is.
std::int64_t most_free_bytes(const model::Model& model, const Budget& budget) {
  return std::min(2 * budget.slots() * budget.slot_bytes(), available_bytes(model) / 32);
}

// On the host, for states on a device that wait for their next use.
std::unique_ptr<tensor::BlockPool> parking_for(const tensor::Memory& memory,
                                               const ServiceOptions& options) {
  return memory.is_host ? nullptr
                        : std::make_unique<tensor::BlockPool>(tensor::staging_memory(memory),
                                                              options.snapshot_bytes);
}

void check_count(const char* field, const std::optional<std::int64_t>& found, std::int64_t most) {
  base::check(!found || (0 <= *found && *found <= most), ErrorCode::kInvalidArgument, [&] {
    return fmt::format("{}: expected a number from 0 to {}, found {}", field, most, *found);
  });
}

}  // namespace

class Service::Impl {
 public:
  Impl(MiniMaxForCausalLM& model, const Tokenizer& tokenizer, const ServiceOptions& options)
      : options_(checked(options, model)),
        budget_(model.impl().model, options_),
        pool_(*model.impl().model.memory, most_free_bytes(model.impl().model, budget_)),
        parking_(parking_for(*model.impl().model.memory, options_)),
        cache_(options_.snapshot_bytes, parking_ ? &parking_->memory() : nullptr),
        context_{.impl = model.impl(),
                 .tokenizer = tokenizer,
                 .options = options_,
                 .cache = cache_,
                 .counters = counters_,
                 .memory = pool_.memory()},
        scheduler_(context_, budget_) {
    scheduler_.describe(status_);
    reserve_states();
    thread_ = std::thread([this] { work(); });
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  ~Impl() {
    {
      const std::lock_guard lock(mutex_);
      is_stopping_ = true;
      is_draining_ = true;
      has_cancellations_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }

  RequestId submit(Request request, Sink sink) {
    check(request, sink);
    const std::unique_lock lock(mutex_);
    if (is_draining_ || waiting_ + std::ssize(submitted_) >= options_.max_waiting) {
      ++refused_;
      throw Error(ErrorCode::kOverloaded,
                  is_draining_ ? std::string("the service is shutting down")
                               : fmt::format("{} requests wait already", options_.max_waiting));
    }
    const RequestId id = next_id_++;
    submitted_.push_back(std::make_unique<Job>(context_, id, std::move(request), std::move(sink)));
    ++open_;
    ++accepted_;
    wake_.notify_all();
    return id;
  }

  void cancel(RequestId id) {
    const std::lock_guard lock(mutex_);
    cancelled_.push_back(id);
    has_cancellations_ = true;
    wake_.notify_all();
  }

  void drain() {
    std::unique_lock lock(mutex_);
    is_draining_ = true;
    ended_.wait(lock, [this] { return open_ == 0; });
  }

  ServiceStatus status() const {
    const std::lock_guard lock(mutex_);
    ServiceStatus status = status_;
    status.waiting += std::ssize(submitted_);
    status.is_draining = is_draining_;
    status.counters.requests = accepted_;
    status.counters.refused = refused_;
    return status;
  }

 private:
  void check(const Request& request, const Sink& sink) const;
  void work();
  bool collect();
  bool has_work() const;  // requires the lock
  void reserve_states();
  void prepare_states();
  void poll();
  void publish(std::int64_t ended);

  const ServiceOptions options_;
  const Budget budget_;

  tensor::BlockPool pool_;                      // outlives all states
  std::unique_ptr<tensor::BlockPool> parking_;  // as well; null where states are on the host anyway

  // Of the engine's thread.
  ServiceCounters counters_;
  PrefixCache cache_;
  const JobContext context_;
  Scheduler scheduler_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable ended_;
  std::vector<std::unique_ptr<Job>> submitted_;
  std::vector<RequestId> cancelled_;
  ServiceStatus status_;
  RequestId next_id_ = 1;
  std::int64_t open_ = 0;     // requests without their last event
  std::int64_t waiting_ = 0;  // requests that wait in the scheduler
  std::int64_t accepted_ = 0;
  std::int64_t refused_ = 0;
  bool is_draining_ = false;
  bool is_stopping_ = false;
  std::atomic<bool> has_cancellations_ = false;  // so that most polls take no lock

  std::thread thread_;
};

void Service::Impl::check(const Request& request, const Sink& sink) const {
  base::check(static_cast<bool>(sink), ErrorCode::kInvalidArgument,
              "sink: expected a function, found none");
  const MiniMaxConfig& config = context_.model().config;
  engine::check_token_ids(request.prompt, config.vocab_size);
  if (request.task == Task::kEmbed) {
    budget_.check(request, 0);
    return;
  }
  check_config(request.config);
  engine::check_vocabulary(request.config, config.vocab_size);
  check_count("top_logprobs", request.top_logprobs, config.vocab_size);
  check_count("prompt_logprobs", request.prompt_logprobs, config.vocab_size);
  const GenerationConfig bounded =
      request.config.for_prompt(static_cast<std::int64_t>(request.prompt.size()));
  budget_.check(request, bounded.max_new_tokens.value());
}

bool Service::Impl::has_work() const {
  return is_stopping_ || !submitted_.empty() || !cancelled_.empty() || !scheduler_.is_idle();
}

// A device is asked for memory once, at the start: all that running sequences may take, and one
// state more, for what goes on from a snapshot while its sequence still runs.
void Service::Impl::reserve_states() {
  const model::Model& model = context_.model();
  if (model.memory->is_host) {
    return;
  }
  pool_.reserve(budget_.slot_bytes(), budget_.slots() + 1);
  const model::StateLayout layout(model.config, model.kv_dtype);
  if (layout.softmax_layers > 0) {
    pool_.reserve(layout.kv.page_bytes(),
                  budget_.kv_bytes() / budget_.page_bytes() * layout.softmax_layers);
  }
}

// Memory that is fresh from the system takes longer than a step: all of it is got ready while
// nobody asks, and while requests run, a little between any two steps, so that the next one finds
// some.
void Service::Impl::prepare_states() {
  const std::int64_t wanted = scheduler_.is_idle() ? budget_.slots() : kStatesAhead;
  tensor::BlockPool& pool = parking_ ? *parking_ : pool_;
  try {
    while (pool.prepare(budget_.slot_bytes(), wanted)) {
      const std::lock_guard lock(mutex_);
      if (has_work()) {
        return;
      }
    }
  } catch (const Error&) {
    return;  // requests that need it will say so
  }
}

// Waits for work and takes what others left. False at the end.
bool Service::Impl::collect() {
  prepare_states();
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return has_work(); });
  for (auto& job : submitted_) {
    scheduler_.add(std::move(job));
  }
  submitted_.clear();
  for (const RequestId id : std::exchange(cancelled_, {})) {
    scheduler_.cancel(id);
  }
  if (is_stopping_) {
    scheduler_.cancel_all();
  } else {
    has_cancellations_ = false;
  }
  waiting_ = scheduler_.waiting();
  return !is_stopping_ || !scheduler_.is_idle();
}

// In the middle of a step. Requests that the scheduler does not know yet stay for collect().
void Service::Impl::poll() {
  if (!has_cancellations_) {
    return;
  }
  const std::lock_guard lock(mutex_);
  std::erase_if(cancelled_, [this](RequestId id) { return scheduler_.cancel(id); });
  if (is_stopping_) {
    scheduler_.cancel_all();
  } else {
    has_cancellations_ = !cancelled_.empty();
  }
}

void Service::Impl::publish(std::int64_t ended) {
  ServiceStatus status;
  scheduler_.describe(status);
  const std::lock_guard lock(mutex_);
  status_ = std::move(status);
  waiting_ = scheduler_.waiting();
  open_ -= ended;
  if (open_ == 0) {
    ended_.notify_all();
  }
}

void Service::Impl::work() {
  while (collect()) {
    std::int64_t ended = 0;
    try {
      ended = scheduler_.step([this] { poll(); });
    } catch (...) {
      scheduler_.fail_running(std::current_exception());
    }
    publish(ended);
  }
}

Service::Service(MiniMaxForCausalLM& model, const Tokenizer& tokenizer,
                 const ServiceOptions& options)
    : impl_(std::make_unique<Impl>(model, tokenizer, options)) {}

Service::~Service() = default;

RequestId Service::submit(Request request, Sink sink) {
  return impl_->submit(std::move(request), std::move(sink));
}

void Service::cancel(RequestId id) { impl_->cancel(id); }

void Service::drain() { impl_->drain(); }

ServiceStatus Service::status() const { return impl_->status(); }

}  // namespace minimax::serving
