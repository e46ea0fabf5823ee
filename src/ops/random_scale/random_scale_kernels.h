// SPDX-License-Identifier: Apache-2.0
// The implementation of random_scale; see random_scale.h.
#pragma once

#include <cstdint>

#include "ops/random_scale/random_scale.h"

namespace minimax::ops::reference {

/// Rows [begin, end).
void random_scale(const RandomScaleArgs& args, std::int64_t begin, std::int64_t end);

}  // namespace minimax::ops::reference
