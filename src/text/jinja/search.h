// SPDX-License-Identifier: Apache-2.0
// Finding one run of bytes in another in linear time, whatever they are.
#pragma once

#include <cstdint>
#include <string_view>

#include "text/jinja/heap.h"

namespace minimax::text::jinja {

/// The offset of the first `needle` at or behind `from`, or -1. Spends steps for what it reads.
std::int64_t find_bytes(Heap& heap, std::string_view text, std::string_view needle,
                        std::int64_t from = 0);

/// The offset of the last `needle`, or -1.
std::int64_t find_last_bytes(Heap& heap, std::string_view text, std::string_view needle);

}  // namespace minimax::text::jinja
