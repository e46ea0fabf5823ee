// SPDX-License-Identifier: Apache-2.0
#include "cuda/upload_rate.h"

#include <cuda_runtime.h>

#include <algorithm>
#include <vector>

#include "cuda/check.h"
#include "cuda/event_marks.h"
#include "cuda/memory.h"

namespace minimax::cuda {

double measure_upload(const Runtime& runtime) {
  constexpr std::int64_t kBytes = std::int64_t{256} << 20;
  constexpr int kCopies = 5;
  constexpr std::size_t kBlocks = 3;  // which pages one gets may halve its rate
  const tensor::Buffer to = device_memory().allocate(kBytes);
  std::vector<tensor::Buffer> blocks;
  double best = 0;
  while (blocks.size() < kBlocks) {
    blocks.push_back(device_memory().allocate_staging(kBytes));
    EventMarks marks;
    marks.mark(runtime.stream(), Recorded::kNo);
    for (int i = 0; i < kCopies; ++i) {
      check(cudaMemcpyAsync(to.data(), blocks.back().data(), static_cast<std::size_t>(kBytes),
                            cudaMemcpyHostToDevice, runtime.stream()),
            "copying to the GPU");
      marks.mark(runtime.stream(), Recorded::kNo);
    }
    check(cudaStreamSynchronize(runtime.stream()), "copying to the GPU");
    best = std::max(best, static_cast<double>(kBytes) / std::ranges::min(marks.seconds()));
  }
  return best;
}

}  // namespace minimax::cuda
