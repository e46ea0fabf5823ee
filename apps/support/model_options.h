// SPDX-License-Identifier: Apache-2.0
// The options that every sub-command with a model shares: which one, and how it runs.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "minimax/model.h"
#include "support/cli11_fwd.h"
#include "support/environment.h"
#include "support/progress.h"

namespace minimax::apps {

struct ModelOptions {
  std::string model;  // a directory or org/name; empty: the demonstration model
  std::string device = "cpu";
  std::string dtype = "auto";
  std::string kv_cache_dtype = "auto";
  std::string isa = "auto";
  std::string attention = "flash";
  std::optional<double> lightning_norm_eps;
  bool load_in_4bit = false;
  bool load_in_8bit = false;
  std::string bnb_4bit_quant_type = "nf4";
  bool bnb_4bit_use_double_quant = false;
  int threads = 0;                  // 0: one per available processor
  std::string expert_statistics;    // a file with an importance matrix; empty: none
  std::string device_map;           // "auto" or a file; empty: all on the device
  std::uint64_t gpu_memory = 0;     // bytes; 0: what is free
  std::uint64_t expert_memory = 0;  // bytes; 0: as much as the experts need or memory has
};

/// Adds the positional MODEL, for commands that do not run the model.
void add_model_location(CLI::App& command, Environment& environment, ModelOptions& options);

/// Adds --threads, --device, --dtype, --kv-cache-dtype, --isa and --attn-implementation.
void add_execution_options(CLI::App& command, Environment& environment, ModelOptions& options);

LoadOptions to_load_options(const ModelOptions& options);

/// The directory of the model. Throws: Error{kCorruptFile} saying where it was looked for.
std::filesystem::path model_directory(const ModelOptions& options);

void show_warnings(const std::vector<std::string>& warnings);

/// Loads the model with a progress bar and shows its warnings.
template <class Model = MiniMaxForCausalLM>
Model load_model(const std::filesystem::path& directory, const ModelOptions& options) {
  Progress progress("Reading weights");
  LoadOptions load = to_load_options(options);
  load.on_progress = [&](std::int64_t done, std::int64_t total) { progress.update(done, total); };
  Model model = Model::from_pretrained(directory, load);
  progress.finish();
  show_warnings(model.warnings());
  return model;
}

/// Loads the tokenizer and shows its warnings.
Tokenizer load_tokenizer(const std::filesystem::path& directory);

}  // namespace minimax::apps
