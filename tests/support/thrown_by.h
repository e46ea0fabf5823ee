// SPDX-License-Identifier: Apache-2.0
// What an action throws, as a value that matchers can look at.
#pragma once

#include <optional>
#include <ostream>
#include <string>

#include "minimax/error.h"

namespace minimax::testing {

struct Thrown {
  std::optional<ErrorCode> code;  // absent where nothing was thrown
  std::string message = "nothing was thrown";
};

inline std::ostream& operator<<(std::ostream& out, const Thrown& thrown) {
  return out << (thrown.code ? static_cast<int>(*thrown.code) : -1) << ": " << thrown.message;
}

/// The minimax::Error that `action()` throws; other exceptions pass.
template <class F>
Thrown thrown_by(F&& action) {
  try {
    action();
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  return {};
}

}  // namespace minimax::testing
