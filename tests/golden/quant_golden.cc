// SPDX-License-Identifier: Apache-2.0
#include "tests/golden/quant_golden.h"

#include <filesystem>

namespace minimax::testing {

GoldenFile quant_golden(const std::string& name) {
  return GoldenFile(std::filesystem::path(MINIMAX_SOURCE_DIR) / "tests/golden/quant" /
                    (name + ".safetensors"));
}

std::int64_t fnv1a(std::span<const std::byte> bytes) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const std::byte byte : bytes) {
    hash = (hash ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3U;
  }
  return static_cast<std::int64_t>(hash);
}

}  // namespace minimax::testing
