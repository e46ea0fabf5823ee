// SPDX-License-Identifier: Apache-2.0
#include "model/decay.h"

#include <bit>
#include <cmath>

namespace minimax::model {
namespace {

// 2^(-8 (h + 1) / heads) for h = 0 .. heads - 1.
std::vector<double> geometric_slopes(std::int64_t heads) {
  std::vector<double> slopes;
  slopes.reserve(static_cast<std::size_t>(heads));
  for (std::int64_t head = 0; head < heads; ++head) {
    slopes.push_back(std::exp2(-8.0 * static_cast<double>(head + 1) / static_cast<double>(heads)));
  }
  return slopes;
}

// ALiBi's rule: for another count than a power of two, the slopes of the power of two below,
// followed by every other slope of the power of two above.
// Source: Press et al. 2022, "Train short, test long", appendix.
std::vector<double> alibi_slopes(std::int64_t heads) {
  const auto below = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(heads)));
  std::vector<double> slopes = geometric_slopes(below);
  const std::vector<double> above = geometric_slopes(2 * below);
  for (std::int64_t i = 0; i < heads - below; ++i) {
    slopes.push_back(above[static_cast<std::size_t>(2 * i)]);
  }
  return slopes;
}

double layer_factor(const MiniMaxConfig& config, std::int64_t layer) {
  const double depth = static_cast<double>(config.num_hidden_layers - 1);
  if (config.decay_schedule == DecaySchedule::kMiniMax) {
    return 1.0 - static_cast<double>(layer) / (depth + 1e-5) + 1e-5;
  }
  // The original divides by zero for one layer; the first layer's factor is 1 + 1e-5 for any count.
  return layer == 0 ? 1.0 + 1e-5 : 1.0 - static_cast<double>(layer) / depth + 1e-5;
}

}  // namespace

std::vector<float> decay_rates(const MiniMaxConfig& config, std::int64_t layer) {
  const std::vector<double> slopes = config.decay_schedule == DecaySchedule::kMiniMax
                                         ? geometric_slopes(config.num_attention_heads)
                                         : alibi_slopes(config.num_attention_heads);
  const double factor = layer_factor(config, layer);
  std::vector<float> rates;
  rates.reserve(slopes.size());
  for (const double slope : slopes) {
    rates.push_back(static_cast<float>(slope * factor));
  }
  return rates;
}

}  // namespace minimax::model
