// SPDX-License-Identifier: Apache-2.0
#include "cuda/event_marks.h"

#include <cuda_runtime.h>

#include "cuda/check.h"

namespace minimax::cuda {

EventMarks::~EventMarks() {
  for (CUevent_st* event : events_) {
    cudaEventDestroy(event);
  }
}

void EventMarks::mark(Stream stream, Recorded recorded) {
  CUevent_st* event = nullptr;
  check(cudaEventCreate(&event), "making an event");
  events_.push_back(event);
  check(cudaEventRecordWithFlags(
            event, stream,
            recorded == Recorded::kYes ? cudaEventRecordExternal : cudaEventRecordDefault),
        "recording an event");
}

std::vector<double> EventMarks::seconds() const {
  std::vector<double> all;
  for (std::size_t i = 1; i < events_.size(); ++i) {
    float milliseconds = 0.0F;
    check(cudaEventElapsedTime(&milliseconds, events_[i - 1], events_[i]), "reading an event");
    all.push_back(static_cast<double>(milliseconds) * 1e-3);
  }
  return all;
}

}  // namespace minimax::cuda
