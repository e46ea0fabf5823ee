// SPDX-License-Identifier: Apache-2.0
#include "cpu/isa.h"

#include <algorithm>

namespace minimax::cpu {

// The builtins ask the processor (CPUID) and whether the operating system saves the wide
// registers (XGETBV); the list is that of the compiler flags in cmake/MinimaxOps.cmake.
bool can_run(Isa isa) {
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0 &&
                    __builtin_cpu_supports("f16c") != 0;
  switch (isa) {
    case Isa::kScalar:
      return true;
    case Isa::kAvx2:
      return avx2;
    case Isa::kAvx2Vnni:
      return avx2 && __builtin_cpu_supports("avxvnni") != 0;
    case Isa::kAvx512:
      return avx2 && __builtin_cpu_supports("avx512f") != 0 &&
             __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
             __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512bf16") != 0 &&
             __builtin_cpu_supports("avx512vnni") != 0;
  }
  return false;
}

Isa detect_isa() { return *std::find_if(kIsas.rbegin(), kIsas.rend(), can_run); }

std::string_view isa_name(Isa isa) {
  switch (isa) {
    case Isa::kAvx512:
      return "avx512";
    case Isa::kAvx2Vnni:
      return "avx2_vnni";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kScalar:
      break;
  }
  return "scalar";
}

std::optional<Isa> isa_from_name(std::string_view name) {
  for (const Isa isa : kIsas) {
    if (isa_name(isa) == name) {
      return isa;
    }
  }
  return std::nullopt;
}

}  // namespace minimax::cpu
