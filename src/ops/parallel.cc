// SPDX-License-Identifier: Apache-2.0
#include "ops/parallel.h"

#include "base/check.h"

namespace minimax::ops {

cpu::ThreadPool& pool_of(const Context& ctx) {
  base::check(ctx.pool != nullptr, ErrorCode::kInvalidArgument,
              "context: expected a thread pool on the CPU, found none");
  return *ctx.pool;
}

}  // namespace minimax::ops
