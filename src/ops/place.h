// SPDX-License-Identifier: Apache-2.0
// Brings small arrays of the host to where the kernels of a device read them, and results back.
#pragma once

#include <span>
#include <type_traits>
#include <vector>

#include "ops/context.h"
#include "tensor/buffer.h"
#include "tensor/tensor.h"

namespace minimax::ops {

/// Ends all that was placed before. Once at the start of a forward pass. `front_bytes` is what
/// place() will take, the sum of placed_bytes(): passes that place the same sizes there find them
/// at the same addresses, so that a recorded graph can run again.
void start_placing(const Context& ctx, std::int64_t front_bytes);

/// What an array of `count` elements takes.
template <class T>
std::int64_t placed_bytes(std::int64_t count) {
  return tensor::Arena::footprint(count * static_cast<std::int64_t>(sizeof(T)));
}

enum class Placing { kFront, kBehind };

/// Bytes of the host, or a copy of them on the GPU that is there after send_placed().
const std::byte* place_bytes(const Context& ctx, const void* data, std::int64_t bytes,
                             Placing placing);

/// The same for an array. On other devices than a GPU the result is `values` itself. kBehind is for
/// what grows with the sequences, and has no fixed address.
template <class T>
std::span<const T> place(const Context& ctx, std::span<const T> values,
                         Placing placing = Placing::kFront) {
  static_assert(std::is_trivially_copyable_v<T>);
  const std::byte* begin = place_bytes(ctx, static_cast<const void*>(values.data()),
                                       static_cast<std::int64_t>(values.size_bytes()), placing);
  return {reinterpret_cast<const T*>(begin), values.size()};
}

/// Sends what was placed, in one copy. Does nothing on other devices than a GPU.
void send_placed(const Context& ctx);

/// A tensor as the host reads it: itself, or on a GPU a copy of F32 in `storage`, for which all
/// work so far is waited for.
tensor::Tensor on_host(const Context& ctx, const tensor::Tensor& tensor,
                       std::vector<float>& storage);

}  // namespace minimax::ops
