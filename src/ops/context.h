// SPDX-License-Identifier: Apache-2.0
// The first argument of every operation: where it runs and what it may use while it runs.
#pragma once

#include <cstdint>

#include "cpu/isa.h"
#include "cpu/thread_pool.h"
#include "cuda/runtime.h"
#include "minimax/device.h"
#include "tensor/buffer.h"

namespace minimax::ops {

/// The arithmetic of a matrix product. Activations are float32 in memory, sums are float32.
enum class Precision {
  kFloat32,   // activations as they are
  kBFloat16,  // activations rounded first: to bfloat16, as the published model was trained, and for
              // quantized weights to int8, in groups with a float32 scale each
};

/// Consecutive elements of a row of activations that share a scale: their largest magnitude is 127
/// times the scale. The last group of a row may be shorter. A group with an infinity or a NaN makes
/// NaN of every product.
inline constexpr std::int64_t kInt8GroupElements = 32;

/// Groups whose largest magnitude is below count as zeros.
inline constexpr float kInt8SmallestMagnitude = 0x1p-100f;

/// Plain references; all must outlive the context.
///
/// On Device::kCuda all tensors, and all arrays that arguments refer to, lie in the memory of the
/// GPU (ops/place.h brings them there), so that their values are not checked; activations are F32
/// or BF16, where other devices take F32 only; and an operation may still run when it returns.
struct Context {
  Device device = Device::kReference;
  cpu::Isa isa = cpu::Isa::kScalar;
  cpu::ThreadPool* pool = nullptr;         // required for Device::kCpu
  minimax::cuda::Runtime* cuda = nullptr;  // required for Device::kCuda
  tensor::Arena* scratch = nullptr;  // required for both, in the device's memory; ops rewind what
                                     // they take
};

}  // namespace minimax::ops
