// SPDX-License-Identifier: Apache-2.0
#include "support/bench_serve.h"

#include <CLI/CLI.hpp>
#include <limits>

#include "base/check.h"
#include "support/environment.h"
#include "support/exit_code.h"
#include "support/load_report.h"
#include "support/progress.h"
#include "support/signals.h"
#include "support/terminal.h"
#include "support/validators.h"

namespace minimax::apps {
namespace {

constexpr const char* kExamples = R"(Examples:
  minimax bench serve
  minimax bench serve --clients 32 --requests 256 --prompt-tokens 1024 --max-tokens 128
  minimax bench serve --rate 4 --requests 200 --json > result.json
  minimax bench serve --prompt-tokens 4096 --shared-prefix-tokens 4000

Prompts are random tokens that are completed by /v1/completions as streams, without an early end.
With --clients, each client asks again once it is answered; with --rate, requests come in random
intervals, whatever is answered. Servers of others are measured in the same way, if they take prompts
as token ids.)";

constexpr std::int64_t kMany = std::numeric_limits<std::int32_t>::max();

}  // namespace

void BenchServe::define(CLI::App& bench) {
  command_ = bench.add_subcommand("serve", "Measure how a server answers many clients");
  command_->footer(kExamples);
  const auto add_count = [&](const char* name, std::int64_t& value, std::int64_t min,
                             const char* help) {
    return command_->add_option(name, value, help)
        ->type_name("N")
        ->check(whole_number(min, kMany))
        ->capture_default_str();
  };
  command_->add_option("--url", url_, "The server")->type_name("URL")->capture_default_str();
  command_->add_option("--model", plan_.model.name, "Its model; default: the first it names")
      ->type_name("NAME");
  command_->add_option("--api-key", api_key_, "The key that it wants")->type_name("KEY");
  CLI::Option* clients =
      add_count("--clients", plan_.clients, 1, "Clients that wait for answers and ask again");
  command_->add_option("--rate", plan_.requests_per_second, "Requests a second, unasked")
      ->type_name("N")
      ->check(number(0, 1e6, Bound::kExcluded))
      ->excludes(clients);
  add_count("--requests", plan_.requests, 1, "Requests in all");
  add_count("--prompt-tokens", plan_.prompt_tokens, 1, "Tokens of a prompt");
  add_count("--shared-prefix-tokens", plan_.shared_tokens, 0, "Of these, equal in all prompts");
  add_count("--max-tokens", plan_.max_tokens, 1, "Tokens of an answer");
  add_count("--vocab-size", plan_.model.vocab_size, 1,
            "Token ids of the model; default: as it says");
  command_->add_option("--temperature", plan_.temperature, "0: greedily")
      ->type_name("N")
      ->check(number(0, 100))
      ->capture_default_str();
  command_->add_option("--top-p", plan_.top_p, "Of the answers")
      ->type_name("N")
      ->check(number(0, 1, Bound::kExcluded))
      ->capture_default_str();
  command_->add_option("--seed", plan_.seed, "Of the prompts and intervals")
      ->type_name("N")
      ->capture_default_str();
  command_
      ->add_option("--timeout", plan_.timeout_seconds, "Seconds without news that fail a request")
      ->type_name("N")
      ->check(number(0, 1e6, Bound::kExcluded))
      ->capture_default_str();
  command_->add_flag("--json", json_, "Print one JSON object");
}

bool BenchServe::is_chosen() const { return command_->parsed(); }

int BenchServe::run() {
  LoadTarget target = LoadTarget::from_url(url_);
  target.api_key = api_key_.empty() ? environment_value("MINIMAX_API_KEY") : api_key_;
  if (plan_.model.name.empty() || plan_.model.vocab_size == 0) {
    const ServedModelInfo found = describe_served_model(target, plan_.timeout_seconds);
    plan_.model.name = plan_.model.name.empty() ? found.name : plan_.model.name;
    plan_.model.vocab_size =
        plan_.model.vocab_size == 0 ? found.vocab_size : plan_.model.vocab_size;
  }
  if (plan_.model.vocab_size == 0) {
    throw UsageError("--vocab-size: the server does not say how many tokens its model has");
  }
  const InterruptScope scope;
  Progress progress("Asking");
  const std::vector<RequestTimes> times = run_load(target, plan_, [&](std::int64_t ended) {
    scope.check();
    progress.update(ended, plan_.requests);
  });
  const LoadReport report = summarize(plan_, times);
  write_output(json_ ? base::write_json(to_json(report), base::JsonStyle::kIndented) + "\n"
                     : to_text(report));
  return report.failed == 0 ? kExitSuccess : kExitIo;
}

}  // namespace minimax::apps
