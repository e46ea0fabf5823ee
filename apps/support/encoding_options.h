// SPDX-License-Identifier: Apache-2.0
// What commands that write a model in other formats share: their options, and a GGUF file as the
// result.
#pragma once

#include <string>
#include <vector>

#include "convert/gguf_export.h"
#include "convert/importance.h"
#include "support/cli11_fwd.h"
#include "support/environment.h"
#include "support/model_options.h"

namespace minimax::apps {

struct EncodingOptions {
  ModelOptions model;             // which one, and how many threads
  std::string out;                // a file or a folder
  std::vector<std::string> keep;  // PATTERN=FORMAT
  std::string imatrix;            // a file; empty: every column counts the same
  bool requantize = false;
  bool json = false;
};

/// Adds MODEL and OUT, --keep, --imatrix, --requantize, --json and --threads.
void add_encoding_options(CLI::App& command, Environment& environment, const std::string& out_help,
                          EncodingOptions& options);

/// As many as were asked for, or one for each processor.
int encoding_threads(const EncodingOptions& options);

/// Empty where none is named. Throws: as convert::read_importance.
convert::ImportanceMatrix read_importance(const EncodingOptions& options);

/// Writes options.out as `gguf` says; of that, `options` decide keep, requantize, importance and
/// threads. Shows progress and warnings, and prints what was written. Returns the exit status.
int write_gguf(const EncodingOptions& options, convert::GgufExportOptions gguf);

}  // namespace minimax::apps
