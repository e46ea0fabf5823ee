// SPDX-License-Identifier: Apache-2.0
// Where the end of a sequence stood before, for rules and guesses that look back.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace minimax::engine {

/// For every i from 0 to the size of `ids`, how many tokens before position i are the last ones of
/// `ids`, at most `most`; 0 for i = size. Linear in `ids`.
/// Source: the Z algorithm (Gusfield 1997), run backwards.
std::vector<std::int64_t> suffix_matches(std::span<const std::int32_t> ids, std::int64_t most);

}  // namespace minimax::engine
