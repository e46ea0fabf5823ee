// SPDX-License-Identifier: Apache-2.0
// Version of the library, MAJOR.MINOR.PATCH as in semantic versioning.
#pragma once

namespace minimax {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace minimax
