// SPDX-License-Identifier: Apache-2.0
// The seam between protocols and the engine: tests put a fake behind it.
#pragma once

#include <functional>

#include "serving/request.h"
#include "serving/status.h"

namespace minimax::server {

/// The members of serving::Service with the same contracts.
struct Backend {
  std::function<serving::RequestId(serving::Request, serving::Sink)> submit;
  std::function<void(serving::RequestId)> cancel;
  std::function<serving::ServiceStatus()> status;
};

}  // namespace minimax::server
