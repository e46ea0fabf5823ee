// SPDX-License-Identifier: Apache-2.0
#include "serving/parallel_tasks.h"

#include <new>
#include <string>

namespace minimax::serving {

std::vector<std::exception_ptr> run_tasks(cpu::ThreadPool* pool, std::int64_t count,
                                          const std::function<void(std::int64_t)>& task) {
  std::vector<std::exception_ptr> thrown(static_cast<std::size_t>(count));
  const auto run = [&](std::int64_t begin, std::int64_t end, int /*thread*/) noexcept {
    for (std::int64_t i = begin; i < end; ++i) {
      try {
        task(i);
      } catch (...) {
        thrown[static_cast<std::size_t>(i)] = std::current_exception();
      }
    }
  };
  if (pool != nullptr && count > 1) {
    pool->parallel_for(count, 1, run);
  } else {
    run(0, count, 0);
  }
  return thrown;
}

void rethrow_first(const std::vector<std::exception_ptr>& thrown) {
  for (const std::exception_ptr& exception : thrown) {
    if (exception) {
      std::rethrow_exception(exception);
    }
  }
}

Error error_of(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return {ErrorCode::kOutOfMemory, "no memory was left for this request"};
  } catch (const std::exception& error) {
    return {ErrorCode::kInvalidArgument, std::string("the request failed: ") + error.what()};
  } catch (...) {
    return {ErrorCode::kInvalidArgument, "the request failed for an unknown reason"};
  }
}

}  // namespace minimax::serving
