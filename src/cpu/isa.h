// SPDX-License-Identifier: Apache-2.0
// The instruction sets that CPU kernels are compiled for, and the choice among them at run time.
// Every *_cpu.cc file is compiled once per instruction set, as explicit instantiations of
// templates on Isa; code outside of those files uses the baseline of x86-64 only.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace minimax::cpu {

enum class Isa {
  kScalar,    // the x86-64 baseline: SSE2
  kAvx2,      // AVX2, FMA, F16C
  kAvx2Vnni,  // all of kAvx2, and products of bytes (AVX-VNNI)
  kAvx512,    // AVX-512 F, BW, DQ, VL, BF16 and VNNI, and all of kAvx2
};

/// All of them, the faster ones later. A machine that runs one need not run all before it.
inline constexpr std::array kIsas = {Isa::kScalar, Isa::kAvx2, Isa::kAvx2Vnni, Isa::kAvx512};

/// Whether this machine can run it.
bool can_run(Isa isa);

/// The fastest instruction set that this machine can run.
Isa detect_isa();

/// "scalar", "avx2", "avx2_vnni" or "avx512".
std::string_view isa_name(Isa isa);

/// The instruction set of that name.
std::optional<Isa> isa_from_name(std::string_view name);

/// Calls `f.template operator()<isa>()`: the one bridge from the run-time value to templates.
template <class F>
decltype(auto) visit_isa(Isa isa, F&& f) {
  switch (isa) {
    case Isa::kAvx512:
      return f.template operator()<Isa::kAvx512>();
    case Isa::kAvx2Vnni:
      return f.template operator()<Isa::kAvx2Vnni>();
    case Isa::kAvx2:
      return f.template operator()<Isa::kAvx2>();
    case Isa::kScalar:
      break;
  }
  return f.template operator()<Isa::kScalar>();
}

}  // namespace minimax::cpu
