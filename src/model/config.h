// SPDX-License-Identifier: Apache-2.0
// The parser behind MiniMaxConfig::from_pretrained, for texts that are not in a file, and the way
// back.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "minimax/config.h"

namespace minimax::model {

/// Reads the text of a config.json; messages name `source`.
/// Throws: as MiniMaxConfig::from_pretrained.
MiniMaxConfig parse_config(std::string_view text, const std::string& source);

/// The config.json that parse_config() makes the same of, up to its warnings and
/// lightning_norm_eps, which no file has. A language model with the decay schedule of the original
/// classes gets the name of such a class, and the dialect that goes with it.
base::Json config_to_json(const MiniMaxConfig& config);

}  // namespace minimax::model
