// SPDX-License-Identifier: Apache-2.0
// Measures what docs/serving.md says of the engine of a service: service_bench MODEL [SCENARIO...].
// Prompts are random tokens. Built with -DMINIMAX_BUILD_BENCHMARKS=ON.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>

#include "base/random.h"
#include "engine/sampler.h"
#include "serving/test_client.h"

namespace minimax::serving {
namespace {

using testing::Client;
using testing::random_tokens;
using testing::request_for;

using Seconds = std::chrono::duration<double>;
using Now = std::chrono::steady_clock;

double since(Now::time_point begin) { return Seconds(Now::now() - begin).count(); }

double percentile(std::vector<double> values, double part) {
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

class Bench {
 public:
  Bench(MiniMaxForCausalLM& model, const Tokenizer& tokenizer)
      : model_(model), tokenizer_(tokenizer), vocabulary_(model.config().vocab_size - 3) {}

  void throughput();
  void raw();
  void prefix();
  void mixed();
  void cancel();
  void aborts();
  void sampling();
  void invariance();

 private:
  double raw_tokens_per_second(std::int64_t sequences, std::int64_t steps);
  std::pair<double, double> clients_together(const GenerationConfig& config);
  double seconds_to_first_token(Service& service, std::vector<std::int32_t> prompt,
                                std::int64_t* cached);

  std::vector<std::int32_t> prompt(std::int64_t tokens, std::uint64_t seed) const {
    return random_tokens(tokens, vocabulary_, seed);
  }

  MiniMaxForCausalLM& model_;
  const Tokenizer& tokenizer_;
  std::int64_t vocabulary_;
};

// The same sequences without a service: one batch after the other.
double Bench::raw_tokens_per_second(std::int64_t sequences, std::int64_t steps) {
  std::vector<State> states;
  for (std::int64_t i = 0; i < sequences; ++i) {
    states.push_back(model_.new_state());
    const std::vector<std::int32_t> tokens = prompt(16, static_cast<std::uint64_t>(i));
    model_.forward(tokens, {.past_key_values = {&states.back(), 1}, .logits_to_keep = 1});
  }
  std::vector<std::int32_t> tokens = prompt(sequences, 99);
  ModelInputs inputs(tokens);
  inputs.batch_size = sequences;
  const Now::time_point begin = Now::now();
  for (std::int64_t step = 0; step < steps; ++step) {
    std::ranges::copy(prompt(sequences, static_cast<std::uint64_t>(1000 + step)), tokens.begin());
    model_.forward(inputs, {.past_key_values = states});
  }
  return static_cast<double>(sequences * steps) / since(begin);
}

// Tokens a second while all sixteen run, and with their prompts and ends.
std::pair<double, double> Bench::clients_together(const GenerationConfig& config) {
  constexpr std::int64_t kClients = 16;
  constexpr std::int64_t kTokens = 128;
  std::deque<Client> clients(kClients);
  std::atomic<std::int64_t> tokens = 0;
  std::int64_t started = 0;  // on the engine's thread only
  Now::time_point all_started;
  std::int64_t tokens_then = 0;
  Service service(model_, tokenizer_);
  const Now::time_point begin = Now::now();
  for (std::int64_t i = 0; i < kClients; ++i) {
    Client& client = clients[static_cast<std::size_t>(i)];
    client.on_event = [&, is_first = true](const Event& event) mutable {
      tokens += std::ssize(event.tokens);
      if (std::exchange(is_first, false) && ++started == kClients) {
        all_started = Now::now();
        tokens_then = tokens;
      }
    };
    Request request = request_for(prompt(16, static_cast<std::uint64_t>(i)), kTokens);
    request.config.do_sample = config.do_sample;
    request.config.top_p = config.top_p;
    service.submit(request, client.sink());
  }
  clients.front().wait();
  const double decode = static_cast<double>(tokens - tokens_then) / since(all_started);
  service.drain();
  return {decode, static_cast<double>(tokens) / since(begin)};
}

void Bench::throughput() {
  GenerationConfig sampling;
  sampling.do_sample = true;
  sampling.top_p = 0.95;
  std::vector<double> raw;
  std::vector<double> greedy;
  std::vector<double> greedy_all;
  std::vector<double> sampled;
  for (int round = 0; round < 5; ++round) {
    raw.push_back(raw_tokens_per_second(16, 100));
    const auto [decode, all] = clients_together({});
    greedy.push_back(decode);
    greedy_all.push_back(all);
    sampled.push_back(clients_together(sampling).first);
  }
  for (const double part : {0.5, 1.0}) {
    const double base = percentile(raw, part);
    fmt::print(
        "throughput of 16 clients, {} of 5: raw batches {:.1f} tokens/s; greedy {:.1f} ({:.1f} "
        "%), {:.1f} with prompts and ends; with top_p 0.95 {:.1f} ({:.1f} %)\n",
        part == 1.0 ? "the best" : "medians", base, percentile(greedy, part),
        100 * percentile(greedy, part) / base, percentile(greedy_all, part),
        percentile(sampled, part), 100 * percentile(sampled, part) / base);
  }
}

// Beside what clients of a server get (minimax bench serve): the same tokens without any of it.
void Bench::raw() {
  fmt::print("raw: batches of 16 for 512 steps: {:.1f} tokens/s\n", raw_tokens_per_second(16, 512));
}

double Bench::seconds_to_first_token(Service& service, std::vector<std::int32_t> tokens,
                                     std::int64_t* cached) {
  Client client;
  double seconds = 0.0;
  const Now::time_point begin = Now::now();
  client.on_event = [&](const Event& event) {
    if (seconds == 0.0 && !event.tokens.empty()) {
      seconds = since(begin);
    }
  };
  ask(service, request_for(std::move(tokens), 1), client);
  *cached = client.usage.cached_tokens;
  return seconds;
}

void Bench::prefix() {
  Service service(model_, tokenizer_);
  const std::vector<std::int32_t> shared = prompt(4000, 1);
  double cold = 0.0;
  for (std::uint64_t i = 0; i < 6; ++i) {
    std::vector<std::int32_t> tokens = shared;
    const std::vector<std::int32_t> own = prompt(16, 100 + i);
    tokens.insert(tokens.end(), own.begin(), own.end());
    std::int64_t cached = 0;
    const double seconds = seconds_to_first_token(service, tokens, &cached);
    cold = i == 0 ? seconds : cold;
    fmt::print(
        "prefix: request {} had {} of {} tokens cached, {:.3f} s to the first token ({:.1f} % "
        "of cold)\n",
        i, cached, tokens.size(), seconds, 100.0 * seconds / cold);
  }
}

void Bench::mixed() {
  Service service(model_, tokenizer_);
  std::deque<Client> writers(15);
  std::vector<double> gaps;  // between tokens beside prompts; by the engine's thread only
  std::vector<double> alone;
  std::atomic<bool> reads_prompts = false;
  std::deque<Now::time_point> last(15);
  for (std::size_t i = 0; i < writers.size(); ++i) {
    writers[i].on_event = [&, i](const Event&) {
      const Now::time_point now = Now::now();
      if (last[i] != Now::time_point()) {
        (reads_prompts ? gaps : alone).push_back(Seconds(now - last[i]).count());
      }
      last[i] = now;
    };
    service.submit(request_for(prompt(16, i), 2000), writers[i].sink());
  }
  std::this_thread::sleep_for(std::chrono::seconds(8));
  reads_prompts = true;
  const Now::time_point begin = Now::now();
  std::vector<double> first;
  while (since(begin) < 35.0 && !writers.front().has_ended()) {
    std::int64_t cached = 0;
    first.push_back(seconds_to_first_token(service, prompt(256, 1000 + first.size()), &cached));
    std::this_thread::sleep_for(std::chrono::milliseconds(2000));
  }
  reads_prompts = false;
  for (RequestId id = 1; id <= 15; ++id) {
    service.cancel(id);
  }
  service.drain();
  const double median = percentile(gaps, 0.5);
  fmt::print("mixed: {} gaps without prompts: median {:.3f} s, p99 {:.3f} s ({:.2f} x)\n",
             alone.size(), percentile(alone, 0.5), percentile(alone, 0.99),
             percentile(alone, 0.99) / percentile(alone, 0.5));
  fmt::print(
      "mixed: {} gaps between tokens beside {} prompts of 256 tokens: median {:.3f} s, p99 "
      "{:.3f} s ({:.2f} x), longest {:.3f} s; first tokens after {:.1f} s\n",
      gaps.size(), first.size(), median, percentile(gaps, 0.99), percentile(gaps, 0.99) / median,
      percentile(gaps, 1.0), percentile(first, 0.5));
}

void Bench::cancel() {
  Service service(model_, tokenizer_);
  std::vector<double> prefill;
  std::vector<double> decode;
  for (std::uint64_t i = 0; i < 10; ++i) {
    Client client;
    const bool reads = i % 2 == 0;
    const RequestId id =
        service.submit(request_for(prompt(reads ? 6000 : 8, i), 1000), client.sink());
    std::this_thread::sleep_for(std::chrono::milliseconds(700 + 37 * i));
    const Now::time_point begin = Now::now();
    service.cancel(id);
    client.wait();
    (reads ? prefill : decode).push_back(since(begin));
  }
  fmt::print("cancel: at most {:.3f} s in prefill, {:.3f} s in decode\n", percentile(prefill, 1.0),
             percentile(decode, 1.0));
}

std::int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::int64_t size = 0;
  std::int64_t resident = 0;
  file >> size >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

void Bench::aborts() {
  Service service(model_, tokenizer_, {.snapshot_bytes = 16 << 20});
  std::int64_t after_first = 0;
  for (int i = 0; i < 20000; ++i) {
    Client client;
    const RequestId id = service.submit(
        request_for(prompt(20 + i % 300, static_cast<std::uint64_t>(i % 50)), 500), client.sink());
    std::this_thread::sleep_for(std::chrono::microseconds((i * 37) % 1500));
    service.cancel(id);
    client.wait();
    after_first = i == 9999 ? resident_bytes() : after_first;
  }
  service.drain();
  const ServiceStatus status = service.status();
  fmt::print(
      "aborts: 10,000 more aborted requests grew the process by {} KiB; {} sequences and {} "
      "bytes of keys and values in use\n",
      (resident_bytes() - after_first) / 1024, status.running, status.kv_bytes);
}

// Whether seeded requests get the same tokens alone and together, with and without hits.
void Bench::invariance() {
  constexpr std::uint64_t kRequests = 24;
  std::vector<Request> requests;
  for (std::uint64_t i = 0; i < kRequests; ++i) {
    std::vector<std::int32_t> tokens = prompt(300, i % 3);
    const std::vector<std::int32_t> own = prompt(static_cast<std::int64_t>(10 + 13 * i), 100 + i);
    tokens.insert(tokens.end(), own.begin(), own.end());
    Request request = request_for(std::move(tokens), 24);
    request.config.do_sample = true;
    request.config.seed = i;
    requests.push_back(std::move(request));
  }
  ServiceOptions options{.snapshot_bytes = 0, .batch_invariant = true};
  std::deque<Client> alone(kRequests);
  {
    Service service(model_, tokenizer_, options);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      ask(service, requests[i], alone[i]);
    }
  }
  options.snapshot_bytes = 1 << 28;
  std::deque<Client> together(kRequests);
  Service service(model_, tokenizer_, options);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    service.submit(requests[i], together[i].sink());
  }
  service.drain();
  int different = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    different += together[i].answer().tokens != alone[i].answer().tokens ? 1 : 0;
  }
  fmt::print("invariance: {} of {} answers differ, {} tokens were cached\n", different, kRequests,
             service.status().counters.cached_tokens);
}

// What sampling costs beside the model, for the vocabulary of MiniMax-Text-01.
void Bench::sampling() {
  for (const std::int64_t vocabulary : {std::int64_t{32768}, std::int64_t{200064}}) {
    GenerationConfig config;
    config.do_sample = true;
    config.top_p = 0.95;
    config.temperature = 0.8;
    engine::Sampler sampler(config, {});
    base::SplitMix64 random(1);
    std::vector<float> logits(static_cast<std::size_t>(vocabulary));
    std::ranges::generate(logits, [&] { return static_cast<float>(10.0 * random.uniform()); });
    std::vector<double> seconds;
    for (int i = 0; i < 20; ++i) {
      std::vector<float> row = logits;
      const Now::time_point begin = Now::now();
      sampler.sample(row, {}, 0);
      seconds.push_back(since(begin));
    }
    fmt::print("sampling: {:.2f} ms for a row of {} logits with top_p 0.95\n",
               1e3 * percentile(seconds, 0.5), vocabulary);
  }
}

}  // namespace
}  // namespace minimax::serving

int main(int argc, char** argv) {
  namespace serving = minimax::serving;
  const std::filesystem::path path = argc > 1 ? argv[1] : MINIMAX_SOURCE_DIR "/models/tiny-minimax";
  minimax::MiniMaxForCausalLM model = minimax::MiniMaxForCausalLM::from_pretrained(path);
  const minimax::Tokenizer tokenizer = minimax::AutoTokenizer::from_pretrained(path);
  serving::Bench bench(model, tokenizer);
  const std::map<std::string, void (serving::Bench::*)()> scenarios = {
      {"raw", &serving::Bench::raw},           {"throughput", &serving::Bench::throughput},
      {"prefix", &serving::Bench::prefix},     {"mixed", &serving::Bench::mixed},
      {"cancel", &serving::Bench::cancel},     {"aborts", &serving::Bench::aborts},
      {"sampling", &serving::Bench::sampling}, {"invariance", &serving::Bench::invariance}};
  for (int i = 2; i < argc; ++i) {
    (bench.*scenarios.at(argv[i]))();
  }
  return 0;
}
