// SPDX-License-Identifier: Apache-2.0
// The parser behind MiniMaxConfig::from_pretrained, for texts that are not in a file.
#pragma once

#include <string>
#include <string_view>

#include "minimax/config.h"

namespace minimax::model {

/// Reads the text of a config.json; messages name `source`.
/// Throws: as MiniMaxConfig::from_pretrained.
MiniMaxConfig parse_config(std::string_view text, const std::string& source);

}  // namespace minimax::model
