// SPDX-License-Identifier: Apache-2.0
// From a checkpoint to a quantized one, row by row: memory does not grow with the model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "convert/bitsandbytes_layout.h"
#include "convert/importance.h"
#include "convert/output_folder.h"
#include "convert/output_layout.h"
#include "convert/quantize_plan.h"
#include "convert/quantize_source.h"

namespace minimax::convert {

/// How quantized weights lie in the files.
enum class Layout {
  kBlocks,        // docs/formats/quantized_checkpoint.md
  kBitsandbytes,  // docs/formats/bitsandbytes.md
};

struct QuantizeOptions {
  Layout layout = Layout::kBlocks;
  DoubleQuant double_quant = DoubleQuant::kOn;   // for kBitsandbytes
  const ImportanceMatrix* importance = nullptr;  // null: every column counts the same
  Unfinished unfinished = Unfinished::kRefuse;
  int threads = 1;
  std::int64_t max_file_bytes = std::int64_t{1} << 30;
  /// Called from the calling thread with elements done and in all. It may throw to stop: what is
  /// finished by then is taken up by the next run that resumes.
  std::function<void(std::int64_t done, std::int64_t total)> on_progress = {};
};

struct QuantizeResult {
  std::int64_t bytes = 0;  // of all tensors
  int files = 0;
  int resumed_files = 0;  // that an earlier run had written
};

/// What each tensor of the plan takes in the result, scales included.
/// Throws: as bitsandbytes_layout() for that layout.
std::vector<std::int64_t> output_bytes(const QuantizePlan& plan, Layout layout,
                                       DoubleQuant double_quant);

/// Writes `out`, a folder with config.json, the files of the tokenizer, shards and a manifest.
/// Nothing is there before everything is; an interrupted run leaves `out`.partial.
/// Requires: `plan` was made for the checkpoint of `model`.
/// Throws: as OutputFolder; Error{kCorruptFile} for weights that are not finite, a matrix of
/// another model, and a model that changes meanwhile; Error{kIo}.
QuantizeResult quantize(const QuantizeSource& model, const QuantizePlan& plan,
                        const std::filesystem::path& out, const QuantizeOptions& options);

}  // namespace minimax::convert
