// SPDX-License-Identifier: Apache-2.0
// Models without a checkpoint: a known geometry, changed where wanted, with random weights.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "minimax/config.h"
#include "support/cli11_fwd.h"

namespace minimax::apps {

struct SyntheticOptions {
  std::string name;         // text-01, m1, tiny, or a config.json; empty: a checkpoint is loaded
  std::int64_t layers = 0;  // 0: those of the geometry
  std::vector<std::string> overrides = {};  // "hidden_size=1024": fields of config.json
  std::string format = "bf16";

  bool is_chosen() const { return !name.empty(); }
};

/// Adds --synthetic, --layers, --geometry and --format.
void add_synthetic_options(CLI::App& command, SyntheticOptions& options);

/// The configuration that is asked for. With another number of layers, every eighth one attends
/// with softmax, as in the published models.
/// Throws: as parse_config() for what does not fit; Error{kInvalidArgument} for unknown fields.
MiniMaxConfig synthetic_config(const SyntheticOptions& options);

}  // namespace minimax::apps
