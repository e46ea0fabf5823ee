// SPDX-License-Identifier: Apache-2.0
// "Did you mean": the known word that is nearest to one that is not known.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace minimax::apps {

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
std::int64_t edit_distance(std::string_view from, std::string_view to);

/// The nearest of `known`, or an empty string where none is near enough to be meant.
std::string nearest_word(std::string_view word, const std::vector<std::string>& known);

}  // namespace minimax::apps
