// SPDX-License-Identifier: Apache-2.0
// The exit codes of the program and the two exceptions that only it knows. Everything that the
// library throws is a minimax::Error.
#pragma once

#include <exception>
#include <stdexcept>
#include <string>

#include "minimax/error.h"

namespace minimax::apps {

inline constexpr int kExitSuccess = 0;
inline constexpr int kExitInternal = 1;   // a defect of this program
inline constexpr int kExitUsage = 2;      // the command line or an environment variable is wrong
inline constexpr int kExitBadFile = 3;    // a model or data file is wrong or not supported
inline constexpr int kExitResources = 4;  // memory or a device is missing
inline constexpr int kExitIo = 5;         // the system refused to read or write
inline constexpr int kExitSignal = 128;   // plus the number of the signal: 130 for Ctrl-C

/// A mistake on the command line; `hint`, where not empty, is shown on a line of its own.
class UsageError : public std::runtime_error {
 public:
  explicit UsageError(const std::string& message, std::string hint = "")
      : std::runtime_error(message), hint_(std::move(hint)) {}

  const std::string& hint() const { return hint_; }

 private:
  std::string hint_;
};

/// The reader of standard output went away (`minimax ... | head`): no failure, but the end.
class OutputClosed : public std::exception {
 public:
  const char* what() const noexcept override { return "standard output was closed"; }
};

/// The exit code for an error of the library. For kCancelled it is that of Ctrl-C.
int exit_code_of(ErrorCode code);

}  // namespace minimax::apps
