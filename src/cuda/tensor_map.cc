// SPDX-License-Identifier: Apache-2.0
#include "cuda/tensor_map.h"

#include <cudaTypedefs.h>
#include <cuda_runtime.h>

#include <string>
#include <vector>

#include "base/check.h"
#include "cuda/check.h"

namespace minimax::cuda {
namespace {

// The function is the driver's, which programs without a GPU must not link to.
PFN_cuTensorMapEncodeTiled_v12000 encoder() {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult result = {};
  check(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000,
                                         cudaEnableDefault, &result),
        "cuTensorMapEncodeTiled");
  base::check(result == cudaDriverEntryPointSuccess, ErrorCode::kDevice,
              "cuTensorMapEncodeTiled: this driver has none");
  return reinterpret_cast<PFN_cuTensorMapEncodeTiled_v12000>(function);
}

}  // namespace

CUtensorMap bf16_tensor_map(const void* matrix, std::int64_t rows, std::int64_t columns,
                            int box_rows) {
  static const auto kEncode = encoder();
  CUtensorMap map = {};
  const cuuint64_t extents[] = {static_cast<cuuint64_t>(columns), static_cast<cuuint64_t>(rows)};
  const cuuint64_t strides[] = {static_cast<cuuint64_t>(columns) * 2};
  const cuuint32_t box[] = {64, static_cast<cuuint32_t>(box_rows)};
  const cuuint32_t steps[] = {1, 1};
  const CUresult result =
      kEncode(&map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 2, const_cast<void*>(matrix), extents,
              strides, box, steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
              CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  base::check(result == CUDA_SUCCESS, ErrorCode::kDevice, [&] {
    return "cuTensorMapEncodeTiled: a matrix of " + std::to_string(rows) + " x " +
           std::to_string(columns) + ": error " + std::to_string(static_cast<int>(result));
  });
  return map;
}

namespace {

// The first dimensions of a row, then those that memory_rows_map() describes.
CUtensorMap memory_map(std::vector<cuuint64_t> extents, std::vector<cuuint64_t> strides,
                       std::vector<cuuint32_t> box, int box_rows) {
  static const auto kEncode = encoder();
  constexpr cuuint64_t kAddresses = cuuint64_t{1} << 48;
  const auto rows = static_cast<cuuint32_t>(box_rows);
  extents.insert(extents.end(), {rows, kMapStep / 256, kAddresses / kMapStep});
  strides.insert(strides.end(), {256, 256, kMapStep});
  box.insert(box.end(), {rows, 1, 1});
  const std::vector<cuuint32_t> steps(box.size(), 1);
  CUtensorMap map = {};
  const CUresult result =
      kEncode(&map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, static_cast<cuuint32_t>(box.size()),
              reinterpret_cast<void*>(kMapBase),  // NOLINT(performance-no-int-to-ptr): of no object
              extents.data(), strides.data(), box.data(), steps.data(),
              CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
              CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  base::check(result == CUDA_SUCCESS, ErrorCode::kDevice, [&] {
    return "cuTensorMapEncodeTiled: a map of all memory: error " +
           std::to_string(static_cast<int>(result));
  });
  return map;
}

}  // namespace

CUtensorMap memory_rows_map(int box_rows) { return memory_map({128}, {}, {64}, box_rows); }

CUtensorMap matrix_stack_map(const MatrixStack& stack) {
  static const auto kEncode = encoder();
  CUtensorMap map = {};
  const cuuint64_t extents[] = {static_cast<cuuint64_t>(stack.columns),
                                static_cast<cuuint64_t>(stack.rows),
                                static_cast<cuuint64_t>(stack.matrices)};
  const cuuint64_t strides[] = {static_cast<cuuint64_t>(stack.columns) * 2,
                                static_cast<cuuint64_t>(stack.stride)};
  const cuuint32_t box[] = {64, static_cast<cuuint32_t>(stack.box_rows), 1};
  const cuuint32_t steps[] = {1, 1, 1};
  const CUresult result =
      kEncode(&map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 3, const_cast<void*>(stack.data), extents,
              strides, box, steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
              CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  base::check(result == CUDA_SUCCESS, ErrorCode::kDevice, [&] {
    return "cuTensorMapEncodeTiled: " + std::to_string(stack.matrices) + " matrices of " +
           std::to_string(stack.rows) + " x " + std::to_string(stack.columns) + ": error " +
           std::to_string(static_cast<int>(result));
  });
  return map;
}

CUtensorMap matrix_pair_map(const MatrixStack& first, std::int64_t apart) {
  static const auto kEncode = encoder();
  CUtensorMap map = {};
  const auto row_bytes = static_cast<cuuint64_t>(first.columns) * 2;
  const cuuint64_t extents[] = {static_cast<cuuint64_t>(first.columns), 8, 2,
                                static_cast<cuuint64_t>(first.rows / 8),
                                static_cast<cuuint64_t>(first.matrices)};
  const cuuint64_t strides[] = {row_bytes, static_cast<cuuint64_t>(apart), 8 * row_bytes,
                                static_cast<cuuint64_t>(first.stride)};
  const cuuint32_t box[] = {64, 8, 2, static_cast<cuuint32_t>(first.box_rows / 16), 1};
  const cuuint32_t steps[] = {1, 1, 1, 1, 1};
  const CUresult result =
      kEncode(&map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 5, const_cast<void*>(first.data), extents,
              strides, box, steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
              CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  base::check(result == CUDA_SUCCESS, ErrorCode::kDevice, [&] {
    return "cuTensorMapEncodeTiled: " + std::to_string(first.matrices) + " pairs of matrices of " +
           std::to_string(first.rows) + " x " + std::to_string(first.columns) + ", " +
           std::to_string(apart) + " bytes apart: error " +
           std::to_string(static_cast<int>(result));
  });
  return map;
}

CUtensorMap tile_stack_map(const TileStack& stack) {
  constexpr std::int64_t kNumber =
      8;  // bytes of an element, of which a box has at most 256 in line
  static const auto kEncode = encoder();
  CUtensorMap map = {};
  const cuuint64_t extents[] = {
      static_cast<cuuint64_t>(stack.tile_bytes / kNumber), static_cast<cuuint64_t>(stack.columns),
      static_cast<cuuint64_t>(stack.rows), static_cast<cuuint64_t>(stack.matrices)};
  const cuuint64_t strides[] = {static_cast<cuuint64_t>(stack.tile_bytes),
                                static_cast<cuuint64_t>(stack.tile_bytes * stack.columns),
                                static_cast<cuuint64_t>(stack.matrix_bytes)};
  const cuuint32_t box[] = {static_cast<cuuint32_t>(stack.tile_bytes / kNumber),
                            static_cast<cuuint32_t>(stack.box_columns),
                            static_cast<cuuint32_t>(stack.box_rows), 1};
  const cuuint32_t steps[] = {1, 1, 1, 1};
  const CUresult result =
      kEncode(&map, CU_TENSOR_MAP_DATA_TYPE_INT64, 4, const_cast<void*>(stack.data), extents,
              strides, box, steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_NONE,
              CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  base::check(result == CUDA_SUCCESS, ErrorCode::kDevice, [&] {
    return "cuTensorMapEncodeTiled: " + std::to_string(stack.matrices) + " matrices of " +
           std::to_string(stack.rows) + " x " + std::to_string(stack.columns) + " tiles of " +
           std::to_string(stack.tile_bytes) + " bytes: error " +
           std::to_string(static_cast<int>(result));
  });
  return map;
}

}  // namespace minimax::cuda
