// SPDX-License-Identifier: Apache-2.0
// How far computed numbers are from those that are expected.
#pragma once

#include <vector>

namespace minimax::testing {

/// Largest difference of `actual` from `expected`, as a part of the range of `expected`; infinite
/// for NaN and for another count.
double relative_difference(const std::vector<float>& actual, const std::vector<float>& expected);

}  // namespace minimax::testing
