// SPDX-License-Identifier: Apache-2.0
// The names of quant/device_tiles.h, how weights lie in the memory of a GPU, for the kernels that
// multiply with them.
#pragma once

#include "quant/device_tiles.h"

namespace minimax::ops {

using quant::decode_device_element;
using quant::device_format;
using quant::device_tile;
using quant::DeviceFormat;
using quant::DeviceLayout;
using quant::DeviceTile;
using quant::kDeviceTileRows;

}  // namespace minimax::ops
