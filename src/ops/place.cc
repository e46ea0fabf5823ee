// SPDX-License-Identifier: Apache-2.0
#include "ops/place.h"

#include <algorithm>

#include "tensor/float16.h"

namespace minimax::ops {
namespace {

using tensor::DType;
using tensor::Tensor;

Tensor download(const Context& ctx, const Tensor& tensor, std::vector<float>& storage) {
  const auto count = static_cast<std::size_t>(tensor.elements());
  storage.resize(count);
  if (tensor.dtype() == DType::kBF16) {
    std::vector<tensor::BFloat16> rounded(count);
    ctx.cuda->download(tensor.bytes_begin(), std::as_writable_bytes(std::span(rounded)));
    std::transform(rounded.begin(), rounded.end(), storage.begin(),
                   [](tensor::BFloat16 value) { return tensor::to_float(value); });
  } else {
    ctx.cuda->download(tensor.data<float>(), std::as_writable_bytes(std::span(storage)));
  }
  return {storage.data(), DType::kF32, tensor.shape()};
}

}  // namespace

void start_placing(const Context& ctx, std::int64_t front_bytes) {
  if (ctx.device == Device::kCuda) {
    ctx.cuda->staging().start(front_bytes);
  }
}

const std::byte* place_bytes(const Context& ctx, const void* data, std::int64_t bytes,
                             Placing placing) {
  if (ctx.device != Device::kCuda) {
    return static_cast<const std::byte*>(data);
  }
  minimax::cuda::Staging& staging = ctx.cuda->staging();
  return placing == Placing::kFront ? staging.put(data, bytes) : staging.put_behind(data, bytes);
}

void send_placed(const Context& ctx) {
  if (ctx.device == Device::kCuda) {
    ctx.cuda->staging().send(ctx.cuda->stream());
  }
}

Tensor on_host(const Context& ctx, const Tensor& tensor, std::vector<float>& storage) {
  return ctx.device == Device::kCuda ? download(ctx, tensor, storage) : tensor;
}

}  // namespace minimax::ops
