// SPDX-License-Identifier: Apache-2.0
// Moments in the work of a stream, and the times between them.
#pragma once

#include <cstddef>
#include <vector>

#include "cuda/stream.h"

struct CUevent_st;

namespace minimax::cuda {

/// Whether moments are part of a graph that is being recorded.
enum class Recorded { kNo, kYes };

class EventMarks {
 public:
  EventMarks() = default;
  ~EventMarks();
  EventMarks(const EventMarks&) = delete;
  EventMarks& operator=(const EventMarks&) = delete;

  /// Notes the moment at which the stream has done all work so far. One that a graph has noted is
  /// noted again whenever the graph runs.
  void mark(Stream stream, Recorded recorded);
  /// Between each two moments, once the stream has passed all of them.
  std::vector<double> seconds() const;

 private:
  std::vector<CUevent_st*> events_;
};

}  // namespace minimax::cuda
