// SPDX-License-Identifier: Apache-2.0
// The options that every sub-command with a model shares: which one, and how it runs.
#pragma once

#include <filesystem>
#include <string>

#include "minimax/model.h"
#include "support/cli11_fwd.h"
#include "support/environment.h"

namespace minimax::apps {

struct ModelOptions {
  std::string model;  // a directory or org/name; empty: the demonstration model
  std::string device = "cpu";
  std::string dtype = "auto";
  std::string isa = "auto";
  int threads = 0;  // 0: one per available processor
};

/// Adds the positional MODEL, for commands that do not run the model.
void add_model_location(CLI::App& command, Environment& environment, ModelOptions& options);

/// Adds --threads, --device, --dtype and --isa.
void add_execution_options(CLI::App& command, Environment& environment, ModelOptions& options);

LoadOptions to_load_options(const ModelOptions& options);

/// The directory of the model. Throws: Error{kCorruptFile} saying where it was looked for.
std::filesystem::path model_directory(const ModelOptions& options);

/// Loads the model with a progress bar and shows its warnings.
MiniMaxForCausalLM load_model(const std::filesystem::path& directory, const ModelOptions& options);

/// Loads the tokenizer and shows its warnings.
Tokenizer load_tokenizer(const std::filesystem::path& directory);

}  // namespace minimax::apps
