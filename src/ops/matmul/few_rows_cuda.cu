// SPDX-License-Identifier: Apache-2.0
#include "ops/device_matrix/visit_device_format.h"
#include "ops/device_matrix/weight_stream.cuh"
#include "ops/matmul/few_rows_cuda.h"
#include "ops/matmul/few_rows_kernels.h"

namespace minimax::ops::cuda {
namespace {

/// Whether a block should have all of K: not where the rows do not fit beside the ring, as soon as
/// there are so many of them that staging a part takes long.
template <DeviceFormat format>
bool are_fewest(const FewRowsProduct& args) {
  using F = DeviceFormatOf<format>;
  using T = StreamTraits<F, kStreamMode<F>>;
  const int tiles = static_cast<int>(args.layout.column_tiles());
  const bool fit = stream_parts<T>(static_cast<int>(args.rows), tiles) == 1;
  const bool can_be_cut = args.layout.columns <= kSeveralRowsColumns * args.processors;
  return args.rows <= kFewestRows && (fit || args.rows <= kFewestRows / 2 || !can_be_cut);
}

}  // namespace

void few_rows_product(const FewRowsProduct& args, minimax::cuda::Stream stream) {
  visit_device_format(args.layout.format, [&]<DeviceFormat format>() {
    if constexpr (format == DeviceFormat::kBF16) {
      launch_few_rows<format>(args, stream);
    } else if (are_fewest<format>(args)) {
      launch_few_rows<format>(args, stream);
    } else {
      launch_several_rows<format>(args, stream);
    }
  });
}

}  // namespace minimax::ops::cuda
