// SPDX-License-Identifier: Apache-2.0
// The instruction set that this translation unit is compiled for: kTargetIsa, and Vec, its vector
// of float. Only files listed with minimax_isa_sources() include this header (by way of
// cpu/simd.h). This is the only place that looks at the compiler's flags.
#pragma once

#if defined(__AVX512BF16__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && \
    defined(__AVX512VL__) && defined(__AVX512VNNI__)
#include "cpu/bytes_avx512.h"  // IWYU pragma: export
#include "cpu/simd_avx512.h"   // IWYU pragma: export
#elif defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#if defined(__AVXVNNI__)
#include "cpu/products_avx2_vnni.h"  // IWYU pragma: export
#else
#include "cpu/products_avx2.h"  // IWYU pragma: export
#endif
#include "cpu/bytes_avx2.h"  // IWYU pragma: export
#include "cpu/simd_avx2.h"   // IWYU pragma: export
#else
#include "cpu/bytes_scalar.h"  // IWYU pragma: export
#include "cpu/simd_scalar.h"   // IWYU pragma: export
#endif
