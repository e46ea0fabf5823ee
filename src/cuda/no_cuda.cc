// SPDX-License-Identifier: Apache-2.0
// This folder in a build without CUDA: whoever asks for the GPU is told so.
#include "base/check.h"
#include "cuda/device.h"
#include "cuda/event_marks.h"
#include "cuda/graph.h"
#include "cuda/machine.h"
#include "cuda/memory.h"
#include "cuda/runtime.h"
#include "cuda/staged_copies.h"
#include "cuda/upload_queue.h"
#include "cuda/upload_rate.h"

namespace minimax::cuda {
namespace {

[[noreturn]] void refuse() {
  throw Error(ErrorCode::kDevice,
              "cuda: this program was built without CUDA: the build found no nvcc");
}

}  // namespace

DeviceInfo require_device() { refuse(); }
bool has_hopper() { return false; }
const tensor::Memory& device_memory() { refuse(); }

struct Blas::Impl {};
Blas::Blas() { refuse(); }
Blas::~Blas() = default;
bool Blas::multiply(Stream, const DenseProduct&) { refuse(); }

EventMarks::~EventMarks() = default;
void EventMarks::mark(Stream, Recorded) { refuse(); }
std::vector<double> EventMarks::seconds() const { return {}; }

Graph::Graph(Stream, const std::function<void()>&) { refuse(); }
Graph::~Graph() = default;
Graph::Graph(Graph&&) noexcept {}
void Graph::launch(Stream) const { refuse(); }

Staging::Staging(std::int64_t) { refuse(); }
void Staging::start(std::int64_t) { refuse(); }
const std::byte* Staging::put(const void*, std::int64_t) { refuse(); }
const std::byte* Staging::put_behind(const void*, std::int64_t) { refuse(); }
void Staging::send(Stream) const { refuse(); }

Runtime::Runtime(std::int64_t) { refuse(); }
Runtime::~Runtime() = default;
Blas& Runtime::blas() { refuse(); }
void Runtime::synchronize() { refuse(); }
void Runtime::download(const void*, std::span<std::byte>) { refuse(); }

UploadQueue::UploadQueue(std::byte*, std::int64_t, int) { refuse(); }
void UploadQueue::follow_clearing() const { refuse(); }
UploadQueue::~UploadQueue() = default;
std::byte* UploadQueue::next() { refuse(); }
void UploadQueue::send(void*, std::int64_t) { refuse(); }
void UploadQueue::bring_back(void*, const void*, std::int64_t) const { refuse(); }
void UploadQueue::wait() const { refuse(); }

StagedCopies::StagedCopies(std::int64_t, std::int64_t) { refuse(); }
StagedCopies::~StagedCopies() = default;
std::byte* StagedCopies::buffer(std::int64_t) const { refuse(); }
void StagedCopies::begin(Stream) { refuse(); }
void StagedCopies::start(std::int64_t, const void*, std::int64_t) { refuse(); }
void StagedCopies::wait_for(std::int64_t, Stream) const { refuse(); }
void StagedCopies::release(std::int64_t, Stream) { refuse(); }

double measure_upload(const Runtime&) { refuse(); }
double measure_read(const Runtime&) { refuse(); }
MachineLimits measure_machine(Runtime&) { refuse(); }

}  // namespace minimax::cuda
