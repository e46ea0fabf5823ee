// SPDX-License-Identifier: Apache-2.0
// Checks that are always on. The message may be a callable that is only run on failure, so a
// formatted message costs nothing when the check holds.
#pragma once

#include <concepts>
#include <string>
#include <utility>

#include "minimax/error.h"

namespace minimax::base {

/// Throws Error{code, message} unless `condition` holds.
inline void check(bool condition, ErrorCode code, const char* message) {
  if (!condition) [[unlikely]] {
    throw Error(code, message);
  }
}

/// As above; `message` is a callable that returns the text.
template <std::invocable F>
void check(bool condition, ErrorCode code, F&& message) {
  if (!condition) [[unlikely]] {
    throw Error(code, std::string(std::forward<F>(message)()));
  }
}

}  // namespace minimax::base
