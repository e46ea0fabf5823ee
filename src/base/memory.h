// SPDX-License-Identifier: Apache-2.0
// How much memory this process can still take.
#pragma once

#include <cstdint>
#include <string>

namespace minimax::base {

/// Bytes that can be allocated without swapping: the smaller of the system's estimate and what
/// the limits of the process and its control group leave. A large number where nothing says.
std::int64_t available_memory_bytes();

/// "12.5 GiB", "640 MiB" or "17 bytes", for messages.
std::string format_bytes(std::int64_t bytes);

}  // namespace minimax::base
