// SPDX-License-Identifier: Apache-2.0
#include "tests/support/difference.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace minimax::testing {

double relative_difference(const std::vector<float>& actual, const std::vector<float>& expected) {
  if (actual.size() != expected.size()) {
    return std::numeric_limits<double>::infinity();
  }
  double difference = 0.0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double each = std::abs(double{actual[i]} - double{expected[i]});
    difference =
        std::isnan(each) ? std::numeric_limits<double>::infinity() : std::max(difference, each);
  }
  const auto [low, high] = std::minmax_element(expected.begin(), expected.end());
  return difference / (double{*high} - double{*low});
}

}  // namespace minimax::testing
