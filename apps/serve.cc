// SPDX-License-Identifier: Apache-2.0
// minimax serve: the HTTP server.
#include <fmt/format.h>
#include <poll.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <optional>

#include "commands.h"
#include "serving/service.h"
#include "support/exit_code.h"
#include "support/model_options.h"
#include "support/search_options.h"
#include "support/serve_options.h"
#include "support/signals.h"
#include "support/terminal.h"

namespace minimax::apps {
namespace {

constexpr const char* kExamples = R"(Examples:
  minimax serve
  minimax serve ./my-model --port 8080 --max-running 32
  minimax serve MiniMaxAI/MiniMax-Text-01-hf --host 0.0.0.0 --api-key-file keys.txt \
    --tls-cert chain.pem --tls-key key.pem

  curl http://127.0.0.1:8000/v1/chat/completions -H "Content-Type: application/json" \
    -d '{"messages": [{"role": "user", "content": "Hello"}]}'

It answers OpenAI's protocols; docs/server.md lists the routes. Ctrl-C and SIGTERM let
answers end first, twice they do not; SIGHUP reads the certificate again.)";

class ServeCommand : public Command {
 public:
  CLI::App* define(CLI::App& program) override {
    CLI::App* command = program.add_subcommand("serve", "Answer requests over HTTP");
    command->footer(kExamples);
    add_model_location(*command, environment(), model_);
    add_serve_options(*command, environment(), options_);
    command
        ->add_option("--draft", draft_.draft,
                     "A smaller model with the same vocabulary that drafts tokens")
        ->type_name("MODEL")
        ->group("Memory and order");
    add_execution_options(*command, environment(), model_);
    return command;
  }

  int run() override;

 private:
  server::ServedModel served_model(const std::filesystem::path& directory,
                                   const MiniMaxForCausalLM& model, const Tokenizer& tokenizer,
                                   const serving::Service& service) const;
  int serve(server::Api& api, server::HttpServer& http) const;

  ModelOptions model_;
  ServeOptions options_;
  SearchOptions draft_;
};

server::Backend backend_of(serving::Service& service) {
  return {.submit =
              [&](serving::Request request, serving::Sink sink) {
                return service.submit(std::move(request), std::move(sink));
              },
          .cancel = [&](serving::RequestId id) { service.cancel(id); },
          .status = [&] { return service.status(); }};
}

server::ServedModel ServeCommand::served_model(const std::filesystem::path& directory,
                                               const MiniMaxForCausalLM& model,
                                               const Tokenizer& tokenizer,
                                               const serving::Service& service) const {
  server::ServedModel served;
  served.names = options_.served_model_names;
  if (served.names.empty()) {
    const bool is_name =
        model_.model.find('/') != std::string::npos && !std::filesystem::exists(model_.model);
    served.names = {is_name ? model_.model : std::filesystem::canonical(directory).stem().string()};
  }
  served.created = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  served.tokenizer = &tokenizer;
  served.config = model.config();
  served.defaults = model.generation_config();
  served.context_tokens = service.status().context_tokens;
  served.parameters = model.size().total_parameters;
  served.weight_bytes = model.size().weight_bytes;
  return served;
}

// Until a signal ends it.
int ServeCommand::serve(server::Api& api, server::HttpServer& http) const {
  const InterruptScope interrupts;
  const HangUpScope hang_ups;
  while (!interrupts.interrupted()) {
    pollfd wake{.fd = interrupt_fd(), .events = POLLIN, .revents = 0};
    ::poll(&wake, 1, -1);
    if (hang_ups.take()) {
      try {
        http.reload_certificate();
        write_message("minimax: read the certificate again\n");
      } catch (const Error& error) {
        write_warning(fmt::format("the old certificate stays: {}", error.what()));
      }
    }
  }
  write_message("minimax: no new requests; those that run may end\n");
  api.set_draining();
  const std::chrono::duration<double> time(options_.drain_timeout);
  http.wait_for_jobs(std::chrono::duration_cast<std::chrono::milliseconds>(time));
  return kExitSuccess;
}

int ServeCommand::run() {
  server::Api api(to_api_options(options_));
  const std::filesystem::path directory = model_directory(model_);
  std::optional<Tokenizer> tokenizer;
  std::optional<MiniMaxForCausalLM> model;
  std::optional<MiniMaxForCausalLM> draft;
  std::optional<serving::Service> service;
  server::HttpServer http(api, to_http_options(options_));
  const char* scheme = options_.tls_certificate.empty() ? "http" : "https";
  write_message(
      fmt::format("minimax: listening at {}://{}:{}\n", scheme, options_.host, http.port()));
  tokenizer.emplace(load_tokenizer(directory));
  model.emplace(load_model(directory, model_));
  draft = load_draft(draft_, model_, *tokenizer);
  serving::ServiceOptions service_options = to_service_options(options_);
  service_options.draft_model = draft ? &*draft : nullptr;
  service.emplace(*model, *tokenizer, service_options);
  server::ServedModel served = served_model(directory, *model, *tokenizer, *service);
  write_message(fmt::format("minimax: {} is ready, for {} requests at once of {} tokens each\n",
                            served.name(), service->status().slots, served.context_tokens));
  api.set_ready({.model = std::move(served), .backend = backend_of(*service)});
  const int exit_code = serve(api, http);
  // First nobody asks the engine any more, and then the engine tells nobody any more.
  http.stop();
  service.reset();
  return exit_code;
}

}  // namespace

std::unique_ptr<Command> make_serve_command() { return std::make_unique<ServeCommand>(); }

}  // namespace minimax::apps
