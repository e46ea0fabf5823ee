// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "ops/random_weights/random_weights_kernels.h"
#include "quant/format.h"
#include "quant/random_block.h"

namespace minimax::ops::reference {

void random_row(const RandomWeightsArgs& args, std::int64_t row, std::span<std::byte> out) {
  quant::visit_format(args.out.format(), [&]<quant::BlockFormat F>() {
    const float scale = quant::random_scale<F>(args.deviation);
    const std::int64_t blocks = args.out.shape()[1] / F::kElements;
    for (std::int64_t i = 0; i < blocks; ++i) {
      const auto index = static_cast<std::uint64_t>(row * blocks + i);
      const auto block = quant::random_block<F>(quant::random_bits(args.seed, index), scale);
      std::memcpy(out.data() + i * std::int64_t{sizeof(block)}, &block, sizeof(block));
    }
  });
}

}  // namespace minimax::ops::reference
