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

/// The files of the weights, config.json and those that are copied. Throws: Error{kIo}.
std::vector<SourceFile> source_files(const std::filesystem::path& model,
                                     const io::Checkpoint& checkpoint);

/// The quantization_config of a checkpoint of blocks.
base::Json quantization_config(const QuantizePlan& plan);

/// Writes config.json with this `quantization_config`, the index of the shards where there are
/// several, and copies of the files of the tokenizer and of generation_config.json. Returns their
/// names. Throws: Error{kCorruptFile}, Error{kIo}.
std::vector<std::string> write_model_files(const std::filesystem::path& model,
                                           const base::Json& quantization_config,
                                           const std::vector<OutputFile>& files,
                                           const std::filesystem::path& folder);

}  // namespace minimax::convert
