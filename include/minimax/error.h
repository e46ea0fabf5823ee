// SPDX-License-Identifier: Apache-2.0
// The one exception type of the library and its few codes.
#pragma once

#include <stdexcept>
#include <string>

namespace minimax {

/// What kind of failure an Error reports. The program maps each to an exit code.
enum class ErrorCode {
  kInvalidArgument,  ///< The caller asked for something meaningless (exit code 2).
  kCorruptFile,      ///< A model or data file breaks its format's rules (exit code 3).
  kUnsupported,      ///< A valid file or request that this build does not implement (exit code 3).
  kOutOfMemory,      ///< Not enough memory; the message holds the arithmetic (exit code 4).
  kDevice,           ///< A device is missing or failed (exit code 4).
  kIo,               ///< The operating system refused to read or write (exit code 5).
  kCancelled,        ///< The caller asked to stop (exit code 130).
  kOverloaded,       ///< Too much work is waiting: the request may succeed later (exit code 4).
};

/// Thrown by every function of the library that fails. The message names the subject (file or
/// field), what was expected and what was found.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}

  ErrorCode code() const { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace minimax
