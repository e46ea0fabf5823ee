// SPDX-License-Identifier: Apache-2.0
// Activations rounded to int8 in groups of 32.
#include "cpu/bytes.h"
#include "ops/lanes.h"
#include "ops/panel_product.h"

namespace minimax::ops::kernels {
namespace {

constexpr std::int64_t kVecs = kInt8GroupElements / Vec::kLanes;

struct GroupOfFloats {
  Vec vec[std::size_t{kVecs}];
};

Vec absolute(Vec a) { return cpu::max(a, cpu::zero() - a); }

// Of the elements that are not NaN.
float largest_magnitude(const GroupOfFloats& group) {
  Vec largest = absolute(group.vec[0]);
  for (std::int64_t v = 1; v < kVecs; ++v) {
    largest = cpu::max(largest, absolute(group.vec[v]));
  }
  return cpu::reduce_max(largest);
}

// Whole numbers below 2^24 in all: exact in any order.
float sum_of_half(const Vec* parts) {
  Vec sum = parts[0];
  for (int i = 1; i < cpu::kParts16; ++i) {
    sum = sum + parts[i];
  }
  return cpu::reduce_add(sum);
}

// A group with an infinity or a NaN: all products with it are NaN.
void set_not_finite(Int8Group& out) {
  const float nan = __builtin_nanf("");
  out = {.codes = {},
         .scale = nan,
         .minus_sum = 0,
         .minus_half_sums = {},
         .scaled_sum = nan,
         .scaled_half_sums = {nan, nan}};
}

void quantize_group(const float* x, Int8Group& out) {
  GroupOfFloats group;
  for (std::int64_t v = 0; v < kVecs; ++v) {
    group.vec[v] = cpu::load(x + v * Vec::kLanes);
  }
  const float largest = largest_magnitude(group);
  const Vec inverse = cpu::broadcast(largest >= kInt8SmallestMagnitude ? 127.0f / largest : 0.0f);
  for (Vec& each : group.vec) {
    each = cpu::round(each * inverse);
  }
  const float sums[2] = {sum_of_half(group.vec), sum_of_half(group.vec + cpu::kParts16)};
  const float sum = sums[0] + sums[1];
  // NaN, and an infinity times zero, round to NaN or to a number far from all codes.
  constexpr float kLargestSum = 127.0f * kInt8GroupElements;
  if (!(sum >= -kLargestSum && sum <= kLargestSum)) {
    return set_not_finite(out);
  }
  out.scale = largest / 127.0f;
  out.minus_sum = -static_cast<std::int32_t>(sum);
  out.scaled_sum = out.scale * sum;
  for (std::int64_t half = 0; half < 2; ++half) {
    cpu::store_int8(out.codes + half * kInt8GroupElements / 2, group.vec + half * cpu::kParts16);
    out.minus_half_sums[half] = -static_cast<std::int32_t>(sums[half]);
    out.scaled_half_sums[half] = out.scale * sums[half];
  }
}

}  // namespace

template <cpu::Isa>
void quantize_rows(const Int8Rows& args, std::int64_t begin, std::int64_t end) {
  const std::int64_t groups = args.width / kInt8GroupElements;
  for (std::int64_t i = begin * groups; i < end * groups; ++i) {
    quantize_group(args.x + i * kInt8GroupElements, args.out[i]);
  }
}

template void quantize_rows<cpu::kTargetIsa>(const Int8Rows&, std::int64_t, std::int64_t);

}  // namespace minimax::ops::kernels
