// SPDX-License-Identifier: Apache-2.0
// Which rules of a grammar match the empty text.
#pragma once

#include <vector>

#include "grammar/grammar.h"

namespace minimax::grammar {

struct Nullable {
  std::vector<bool> nodes;  // by NodeId
  std::vector<bool> rules;  // by RuleId
};

/// In time linear in the size of the grammar.
Nullable find_nullable(const Grammar& grammar);

}  // namespace minimax::grammar
