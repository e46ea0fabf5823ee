// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/device_matrix/visit_device_format.h"
#include "ops/matmul/few_rows_cuda.h"
#include "ops/matmul/few_rows_kernels.h"

namespace minimax::ops::cuda {
namespace {

/// The rows from `begin` on.
FewRowsProduct some_rows(const FewRowsProduct& args, std::int64_t begin, std::int64_t count) {
  FewRowsProduct some = args;
  some.rows = std::min(count, args.rows - begin);
  some.x = static_cast<const std::byte*>(args.x) +
           begin * args.layout.columns * (args.x_is_float ? 4 : 2);
  some.out =
      static_cast<std::byte*>(args.out) + begin * args.layout.rows * (args.out_is_float ? 4 : 2);
  return some;
}

}  // namespace

void few_rows_product(const FewRowsProduct& args, minimax::cuda::Stream stream) {
  visit_device_format(args.layout.format, [&]<DeviceFormat format>() {
    if (args.rows <= (args.x_is_float ? 4 : 8)) {
      launch_few_rows<format>(args, stream);
      return;
    }
    const std::int64_t most = args.x_is_float ? 32 : 64;
    for (std::int64_t begin = 0; begin < args.rows; begin += most) {
      launch_several_rows<format>(some_rows(args, begin, most), stream);
    }
  });
}

}  // namespace minimax::ops::cuda
