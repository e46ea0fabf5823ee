// SPDX-License-Identifier: Apache-2.0
// minimax verify: whether a quantized model is still what was written.
#include "convert/verify.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/json.h"
#include "base/memory.h"
#include "commands.h"
#include "support/exit_code.h"
#include "support/model_options.h"
#include "support/progress.h"
#include "support/signals.h"
#include "support/terminal.h"

namespace minimax::apps {
namespace {

constexpr const char* kExamples = R"(Examples:
  minimax verify ./my-model-int4
  minimax verify ./my-model-int4 --json

Reads every byte. Damage ends with exit code 3.)";

std::string to_text(const convert::VerifyReport& report) {
  std::string text;
  for (const convert::Damage& damage : report.damages) {
    text += fmt::format("{}: {}\n", damage.subject, damage.what);
  }
  return text + fmt::format("{} files, {} tensors, {} read: {}\n", report.files, report.tensors,
                            base::format_bytes(report.bytes),
                            report.damages.empty() ? "as written" : "damaged");
}

std::string to_json(const convert::VerifyReport& report) {
  base::JsonArray damages;
  for (const convert::Damage& damage : report.damages) {
    damages.emplace_back(base::JsonObject{{"subject", damage.subject}, {"what", damage.what}});
  }
  const base::Json json = base::JsonObject{{"files", report.files},
                                           {"tensors", report.tensors},
                                           {"bytes", report.bytes},
                                           {"damages", std::move(damages)}};
  return base::write_json(json, base::JsonStyle::kIndented) + "\n";
}

class VerifyCommand : public Command {
 public:
  CLI::App* define(CLI::App& program) override {
    CLI::App* command = program.add_subcommand("verify", "Check a quantized model for damage");
    command->footer(kExamples);
    command->add_option("MODEL", model_.model, "Directory of a quantized model")->required();
    command->add_flag("--json", json_, "Print one JSON object");
    return command;
  }

  int run() override {
    const InterruptScope scope;
    Progress progress("Verifying");
    const convert::VerifyReport report =
        convert::verify(model_directory(model_), [&](std::int64_t done, std::int64_t total) {
          scope.check();
          progress.update(done, total);
        });
    progress.finish();
    write_output(json_ ? to_json(report) : to_text(report));
    return report.damages.empty() ? kExitSuccess : kExitBadFile;
  }

 private:
  ModelOptions model_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_verify_command() { return std::make_unique<VerifyCommand>(); }

}  // namespace minimax::apps
