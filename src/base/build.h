// SPDX-License-Identifier: Apache-2.0
// How the program was built.
#pragma once

namespace minimax::base {

#ifdef NDEBUG
inline constexpr bool kIsDebugBuild = false;
#else
inline constexpr bool kIsDebugBuild = true;
#endif

}  // namespace minimax::base
