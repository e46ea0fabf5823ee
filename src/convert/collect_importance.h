// SPDX-License-Identifier: Apache-2.0
// Measures an importance matrix: runs a model over a text and keeps the mean squares of what its
// projections are multiplied with.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>

#include "convert/importance.h"
#include "minimax/model.h"

namespace minimax::convert {

struct CollectOptions {
  LoadOptions load = {};
  std::int64_t context = 512;  // tokens of a window; each begins without a past
  /// Called with tokens done and in all; may throw to stop.
  std::function<void(std::int64_t, std::int64_t)> on_progress = {};
};

/// The matrix of the model at `path`, with an input for every projection, expert and the head.
/// Experts that no token chose have 0 rows. Throws: as model::load_model; Error{kInvalidArgument}
/// for no tokens and ids outside of the vocabulary.
ImportanceMatrix collect_importance(const std::filesystem::path& path,
                                    std::span<const std::int32_t> tokens,
                                    const CollectOptions& options);

}  // namespace minimax::convert
