// SPDX-License-Identifier: Apache-2.0
// The one bridge from a device format known at run time to a constant.
#pragma once

#include "ops/device_matrix/device_matrix.h"

namespace minimax::ops {

/// Calls visitor.operator()<format>().
template <class Visitor>
decltype(auto) visit_device_format(DeviceFormat format, Visitor&& visitor) {
  switch (format) {
    case DeviceFormat::kBF16:
      return visitor.template operator()<DeviceFormat::kBF16>();
    case DeviceFormat::kInt8G64:
      return visitor.template operator()<DeviceFormat::kInt8G64>();
    case DeviceFormat::kInt8G32:
      return visitor.template operator()<DeviceFormat::kInt8G32>();
    case DeviceFormat::kInt8F32:
      return visitor.template operator()<DeviceFormat::kInt8F32>();
    case DeviceFormat::kInt8G16:
      return visitor.template operator()<DeviceFormat::kInt8G16>();
    case DeviceFormat::kInt4G64:
      return visitor.template operator()<DeviceFormat::kInt4G64>();
    case DeviceFormat::kInt4G32:
      return visitor.template operator()<DeviceFormat::kInt4G32>();
    case DeviceFormat::kInt4Min:
      return visitor.template operator()<DeviceFormat::kInt4Min>();
    case DeviceFormat::kNF4:
      return visitor.template operator()<DeviceFormat::kNF4>();
    case DeviceFormat::kFP4:
      return visitor.template operator()<DeviceFormat::kFP4>();
    case DeviceFormat::kFP8:
      return visitor.template operator()<DeviceFormat::kFP8>();
  }
  __builtin_unreachable();
}

}  // namespace minimax::ops
