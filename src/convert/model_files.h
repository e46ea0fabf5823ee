// SPDX-License-Identifier: Apache-2.0
// The files of a model beside its weights: where they come from and what they become.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "convert/output_layout.h"
#include "convert/quantize_plan.h"
#include "io/checkpoint.h"

namespace minimax::convert {

/// A file as it was when the work began.
struct SourceFile {
  std::string name;
  std::int64_t bytes = 0;
  std::int64_t modified_ns = 0;

  bool operator==(const SourceFile&) const = default;
};

/// The files of the weights. Throws: Error{kIo}.
std::vector<SourceFile> source_files(const io::Checkpoint& checkpoint);

struct TextFile {
  std::string name;
  std::string text;
};

/// What stands beside the weights in the folder of a model.
struct ModelFiles {
  base::Json config = base::JsonObject{};  // of config.json
  std::vector<TextFile> others = {};       // of the tokenizer, and generation_config.json
};

/// Those of a folder, as they are. Throws: Error{kCorruptFile}, Error{kIo}.
ModelFiles read_model_files(const std::filesystem::path& model);

/// The quantization_config of a checkpoint of blocks.
base::Json quantization_config(const QuantizePlan& plan);

/// Writes config.json with these members in place of its own, the index of the shards where there
/// are several, and the other files. Returns their names. Throws: Error{kIo}.
std::vector<std::string> write_model_files(const ModelFiles& model,
                                           const base::JsonObject& config_members,
                                           const std::vector<OutputFile>& shards,
                                           const std::filesystem::path& folder);

}  // namespace minimax::convert
