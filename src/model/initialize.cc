// SPDX-License-Identifier: Apache-2.0
#include "model/initialize.h"

#include <cmath>
#include <numbers>

#include "model/host_copy.h"
#include "tensor/float16.h"

namespace minimax::model {
namespace {

using tensor::Tensor;

// Source: Box and Muller 1958.
double normal(base::SplitMix64& random) {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - random.uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * random.uniform());
}

template <class Next>
void fill(const Tensor& view, const Next& next) {
  for (std::int64_t i = 0; i < view.elements(); ++i) {
    if (view.dtype() == tensor::DType::kBF16) {
      view.data<tensor::BFloat16>()[i] = tensor::to_bfloat16(next());
    } else {
      view.data<float>()[i] = next();
    }
  }
}

}  // namespace

void initialize(const Parameter& parameter, const tensor::Memory& memory, double deviation,
                base::SplitMix64& random) {
  const HostCopy copy(memory, parameter.weights());
  const Tensor view = copy.matrix().tensor();
  if (view.shape().rank() > 1) {
    fill(view, [&] { return static_cast<float>(deviation * normal(random)); });
  } else {
    const float value = parameter.published().name.ends_with(".bias") ? 0.0F : 1.0F;
    fill(view, [&] { return value; });
  }
  copy.write_back();
}

}  // namespace minimax::model
