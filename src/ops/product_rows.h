// SPDX-License-Identifier: Apache-2.0
// Which row of the activations a product's row is made of. For the files that are compiled once
// per instruction set.
#pragma once

#include <cstdint>

namespace minimax::ops {
namespace {

template <class Product>
inline std::int64_t source_row(const Product& args, std::int64_t row) {
  return args.pair_of_row == nullptr ? row : args.pair_of_row[row] / args.top_k;
}

}  // namespace
}  // namespace minimax::ops
