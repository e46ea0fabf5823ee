// SPDX-License-Identifier: Apache-2.0
// What the tests of quantized formats share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "tests/golden/golden_file.h"

namespace minimax::testing {

/// tests/golden/quant/NAME.safetensors.
GoldenFile quant_golden(const std::string& name);

/// The 64-bit FNV-1a hash, as the files hold it.
std::int64_t fnv1a(std::span<const std::byte> bytes);

}  // namespace minimax::testing
