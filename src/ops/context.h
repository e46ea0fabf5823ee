// SPDX-License-Identifier: Apache-2.0
// The first argument of every operation: where it runs and what it may use while it runs.
#pragma once

#include "cpu/isa.h"
#include "cpu/thread_pool.h"
#include "minimax/device.h"
#include "tensor/buffer.h"

namespace minimax::ops {

/// The arithmetic of a matrix product. Activations are float32 in memory, sums are float32.
enum class Precision {
  kFloat32,   // activations as they are
  kBFloat16,  // activations rounded to bfloat16 first, as the published model was trained
};

/// Plain references; all must outlive the context.
struct Context {
  Device device = Device::kReference;
  cpu::Isa isa = cpu::Isa::kScalar;
  cpu::ThreadPool* pool = nullptr;   // required for Device::kCpu
  tensor::Arena* scratch = nullptr;  // required for Device::kCpu; ops rewind what they take
};

}  // namespace minimax::ops
