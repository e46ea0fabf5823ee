// SPDX-License-Identifier: Apache-2.0
// Products of a warpgroup whose right operand has few columns, the left one in registers; see
// wgmma.cuh. The right operand has the sum along its 128-byte rows. sm_90a.
#pragma once

#include "cuda/wgmma.cuh"

namespace minimax::cuda {

/// d [64, 16] = (add ? d : 0) + a [64, 16] b [16, 16].
__device__ inline void multiply_columns(float (&d)[8], const std::uint32_t (&a)[4], Operand b,
                                        bool add) {
  asm volatile(
      "{\n.reg .pred p;\n"
      "setp.ne.b32 p, %13, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 "
      "{%0, %1, %2, %3, %4, %5, %6, %7}, {%8, %9, %10, %11}, %12, p, 1, 1, 0;\n}"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]),
        "+f"(d[7])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(static_cast<int>(add)));
}

/// d [64, 32] = (add ? d : 0) + a [64, 16] b [16, 32].
__device__ inline void multiply_columns(float (&d)[16], const std::uint32_t (&a)[4], Operand b,
                                        bool add) {
  asm volatile(
      "{\n.reg .pred p;\n"
      "setp.ne.b32 p, %21, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n32k16.f32.bf16.bf16 "
      "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15}, "
      "{%16, %17, %18, %19}, %20, p, 1, 1, 0;\n}"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]),
        "+f"(d[7]), "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]),
        "+f"(d[14]), "+f"(d[15])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(static_cast<int>(add)));
}

/// d [64, 64] = (add ? d : 0) + a [64, 16] b [16, 64].
__device__ inline void multiply_columns(float (&d)[32], const std::uint32_t (&a)[4], Operand b,
                                        bool add) {
  multiply<Major::kSum>(d, a, b, add);
}

}  // namespace minimax::cuda
