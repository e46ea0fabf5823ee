// SPDX-License-Identifier: Apache-2.0
// From a model to a GGUF file that llama.cpp loads, tensor by tensor: memory does not grow with the
// model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "convert/gguf_plan.h"
#include "convert/importance.h"

namespace minimax::convert {

enum class ExistingFile { kRefuse, kReplace };
enum class TokenizerUse { kWrite, kLeaveOut };

struct GgufExportOptions {
  GgufPlanOptions plan = {};
  const ImportanceMatrix* importance = nullptr;  // null: every column counts the same
  ExistingFile existing = ExistingFile::kRefuse;
  TokenizerUse tokenizer = TokenizerUse::kWrite;
  int threads = 1;
  /// Called from the calling thread with elements done and in all. It may throw to stop; nothing
  /// is left behind then.
  std::function<void(std::int64_t done, std::int64_t total)> on_progress = {};
};

struct GgufExportResult {
  std::int64_t bytes = 0;  // of all tensors
  std::int64_t tensors = 0;
  std::vector<std::string> warnings;
};

/// Writes the model at `path` (a directory or a GGUF file) to `out`, which appears when everything
/// is written.
/// Throws: as open_model, plan_gguf, text::Tokenizer::to_gguf and GgufWriter;
/// Error{kInvalidArgument} where `out` exists and may not be replaced; Error{kCorruptFile} naming
/// tensor and row where a weight is not finite.
GgufExportResult export_gguf(const std::filesystem::path& path, const std::filesystem::path& out,
                             const GgufExportOptions& options);

}  // namespace minimax::convert
