// SPDX-License-Identifier: Apache-2.0
// Which GPU there is.
#pragma once

#include <cstdint>
#include <string>

namespace minimax::cuda {

struct DeviceInfo {
  std::string name;
  int compute_capability = 0;  // 90 for 9.0
  int multiprocessors = 0;
  std::int64_t total_bytes = 0;
  std::int64_t free_bytes = 0;
};

/// The GPU that everything runs on: the first that CUDA shows.
/// Throws: Error{kDevice} saying what is missing: CUDA in this build, a driver, a GPU, or one of
/// compute capability 8.0 or newer.
DeviceInfo require_device();

/// Whether there is a GPU of compute capability 9.0, and its kernels, which stream weights from
/// tiles, are what this was built for.
bool has_hopper();

}  // namespace minimax::cuda
