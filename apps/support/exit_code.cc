// SPDX-License-Identifier: Apache-2.0
#include "support/exit_code.h"

#include <csignal>

namespace minimax::apps {

int exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return kExitUsage;
    case ErrorCode::kCorruptFile:
    case ErrorCode::kUnsupported:
      return kExitBadFile;
    case ErrorCode::kOutOfMemory:
    case ErrorCode::kDevice:
    case ErrorCode::kOverloaded:
      return kExitResources;
    case ErrorCode::kIo:
      return kExitIo;
    case ErrorCode::kCancelled:
      return kExitSignal + SIGINT;
  }
  return kExitInternal;
}

}  // namespace minimax::apps
