// SPDX-License-Identifier: Apache-2.0
#include "ops/device_matrix/visit_device_format.h"
#include "ops/grouped_matmul/moe_decode_cuda.h"
#include "ops/grouped_matmul/moe_decode_kernels.h"

namespace minimax::ops::cuda {

void moe_decode(const MoeDecode& args, minimax::cuda::Stream stream) {
  if (args.gate_layout.format == args.down_layout.format) {
    visit_device_format(args.gate_layout.format, [&]<DeviceFormat format>() {
      launch_moe_decode<format>(args, MoePhases::kBoth, stream);
    });
    return;
  }
  visit_device_format(args.gate_layout.format, [&]<DeviceFormat format>() {
    launch_moe_decode<format>(args, MoePhases::kGateUp, stream);
  });
  visit_device_format(args.down_layout.format, [&]<DeviceFormat format>() {
    launch_moe_decode<format>(args, MoePhases::kDown, stream);
  });
}

std::int64_t moe_decode_scratch_bytes(std::int64_t pairs, std::int64_t hidden, std::int64_t inner,
                                      int processors) {
  const auto aligned = [](std::int64_t bytes) { return (bytes + 255) / 256 * 256; };
  return aligned(pairs * inner * 4) + aligned(pairs * hidden * 4) +
         static_cast<std::int64_t>(processors) * kMoeDecodePartialBytes;
}

}  // namespace minimax::ops::cuda
