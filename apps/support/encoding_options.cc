// SPDX-License-Identifier: Apache-2.0
#include "support/encoding_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "cpu/processors.h"
#include "support/exit_code.h"
#include "support/progress.h"
#include "support/quantize_report.h"
#include "support/signals.h"
#include "support/terminal.h"
#include "support/validators.h"

namespace minimax::apps {
namespace {

std::string report(const EncodingOptions& options, const convert::GgufExportResult& result) {
  if (options.json) {
    const base::Json json = base::JsonObject{
        {"file", options.out}, {"tensors", result.tensors}, {"weight_bytes", result.bytes}};
    return base::write_json(json, base::JsonStyle::kIndented) + "\n";
  }
  return fmt::format("{}: {} tensors, {}\n", base::printable(options.out), result.tensors,
                     base::format_bytes(result.bytes));
}

}  // namespace

void add_encoding_options(CLI::App& command, Environment& environment, const std::string& out_help,
                          EncodingOptions& options) {
  command.add_option("MODEL", options.model.model, "Directory, GGUF file or org/name in the cache")
      ->required();
  command.add_option("OUT", options.out, out_help)->required();
  command
      .add_option("--keep", options.keep,
                  "Another format, or \"stored\", for tensors that match PATTERN")
      ->type_name("PATTERN=FORMAT");
  command.add_option("--imatrix", options.imatrix, "What errors count, from minimax imatrix")
      ->type_name("FILE");
  command.add_flag("--requantize", options.requantize, "Accept a model that is quantized already");
  command.add_flag("--json", options.json, "Print one JSON object");
  environment.bind(
      command.add_option("--threads", options.model.threads, "Threads; 0: one per processor")
          ->type_name("N")
          ->check(whole_number(0, 4095)));
}

int encoding_threads(const EncodingOptions& options) {
  return options.model.threads > 0 ? options.model.threads : cpu::available_processors();
}

convert::ImportanceMatrix read_importance(const EncodingOptions& options) {
  return options.imatrix.empty() ? convert::ImportanceMatrix()
                                 : convert::read_importance(options.imatrix);
}

int write_gguf(const EncodingOptions& options, convert::GgufExportOptions gguf) {
  const convert::ImportanceMatrix importance = read_importance(options);
  gguf.plan.keep = parse_keep_rules(options.keep);
  gguf.plan.requantize = options.requantize;
  gguf.importance = importance.empty() ? nullptr : &importance;
  gguf.threads = encoding_threads(options);
  const InterruptScope scope;
  Progress progress("Writing");
  gguf.on_progress = [&](std::int64_t done, std::int64_t total) {
    scope.check();
    progress.update(done, total);
  };
  const convert::GgufExportResult result =
      convert::export_gguf(model_directory(options.model), options.out, gguf);
  progress.finish();
  show_warnings(result.warnings);
  write_output(report(options, result));
  return kExitSuccess;
}

}  // namespace minimax::apps
