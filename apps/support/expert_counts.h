// SPDX-License-Identifier: Apache-2.0
// How often the router chose each expert, as an importance matrix has counted it.
#pragma once

#include <cstdint>
#include <vector>

#include "convert/importance.h"

namespace minimax::apps {

/// [layers * experts], for LoadOptions::expert_counts; experts that the matrix lacks were never
/// chosen. Throws: Error{kCorruptFile} where it counts no experts at all.
std::vector<std::int64_t> expert_counts(const convert::ImportanceMatrix& matrix);

}  // namespace minimax::apps
