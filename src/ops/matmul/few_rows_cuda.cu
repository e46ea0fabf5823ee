// SPDX-License-Identifier: Apache-2.0
#include "ops/device_matrix/visit_device_format.h"
#include "ops/matmul/few_rows_cuda.h"
#include "ops/matmul/few_rows_kernels.h"

namespace minimax::ops::cuda {

void few_rows_product(const FewRowsProduct& args, minimax::cuda::Stream stream) {
  visit_device_format(args.layout.format, [&]<DeviceFormat format>() {
    if constexpr (format == DeviceFormat::kBF16) {
      launch_few_rows<format>(args, stream);
    } else if (args.rows <= kFewestRows) {
      launch_few_rows<format>(args, stream);
    } else {
      launch_several_rows<format>(args, stream);
    }
  });
}

}  // namespace minimax::ops::cuda
