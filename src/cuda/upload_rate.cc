// SPDX-License-Identifier: Apache-2.0
#include "cuda/upload_rate.h"

#include <cuda_runtime.h>

#include <algorithm>

#include "cuda/check.h"
#include "cuda/event_marks.h"
#include "cuda/memory.h"

namespace minimax::cuda {

double measure_upload(const Runtime& runtime) {
  constexpr std::int64_t kBytes = std::int64_t{256} << 20;
  constexpr int kCopies = 5;
  const tensor::Buffer from = device_memory().allocate_staging(kBytes);
  const tensor::Buffer to = device_memory().allocate(kBytes);
  EventMarks marks;
  marks.mark(runtime.stream(), Recorded::kNo);
  for (int i = 0; i < kCopies; ++i) {
    check(cudaMemcpyAsync(to.data(), from.data(), static_cast<std::size_t>(kBytes),
                          cudaMemcpyHostToDevice, runtime.stream()),
          "copying to the GPU");
    marks.mark(runtime.stream(), Recorded::kNo);
  }
  check(cudaStreamSynchronize(runtime.stream()), "copying to the GPU");
  return static_cast<double>(kBytes) / std::ranges::min(marks.seconds());
}

}  // namespace minimax::cuda
