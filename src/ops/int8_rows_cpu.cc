// SPDX-License-Identifier: Apache-2.0
// Activations rounded to int8 in groups of 32, and what else stands before and behind products in
// panels.
#include "ops/lanes.h"
#include "ops/panel_product.h"

namespace minimax::ops::kernels {
namespace {

constexpr std::int64_t kVecs = kInt8GroupElements / Vec::kLanes;

struct GroupOfFloats {
  Vec vec[std::size_t{kVecs}];
};

Vec absolute(Vec a) { return cpu::max(a, cpu::zero() - a); }

// The largest magnitude, or NaN where an element is infinite or NaN.
float largest_magnitude(const GroupOfFloats& group) {
  Vec largest = cpu::zero();
  Vec zeros = cpu::zero();  // NaN where an element is not finite
  for (const Vec& each : group.vec) {
    largest = cpu::max(largest, absolute(each));
    zeros = zeros + each * cpu::zero();
  }
  return cpu::reduce_max(largest) + cpu::reduce_add(zeros);
}

std::int16_t sum_of(const std::int8_t* codes, std::int64_t count) {
  int sum = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    sum += codes[i];
  }
  return static_cast<std::int16_t>(sum);
}

void set_sums(Int8Group& out) {
  constexpr std::int64_t kHalf = kInt8GroupElements / 2;
  int sum = 0;
  for (int half = 0; half < 2; ++half) {
    out.half_sums[half] = sum_of(out.codes + half * kHalf, kHalf);
    out.scaled_half_sums[half] = out.scale * static_cast<float>(out.half_sums[half]);
    sum += out.half_sums[half];
  }
  out.scaled_sum = out.scale * static_cast<float>(sum);
}

// A group with an infinity or a NaN becomes zeros whose scale is NaN, so that all products are NaN.
void quantize_group(const float* x, Int8Group& out) {
  GroupOfFloats group;
  for (std::int64_t v = 0; v < kVecs; ++v) {
    group.vec[v] = cpu::load(x + v * Vec::kLanes);
  }
  const float largest = largest_magnitude(group);
  const bool is_finite = largest == largest;
  const bool counts = is_finite && largest >= kInt8SmallestMagnitude;
  const Vec inverse = cpu::broadcast(counts ? 127.0f / largest : 0.0f);
  float rounded[std::size_t{kInt8GroupElements}];
  for (std::int64_t v = 0; v < kVecs; ++v) {
    cpu::store(rounded + v * Vec::kLanes, cpu::round(group.vec[v] * inverse));
  }
  for (std::int64_t i = 0; i < kInt8GroupElements; ++i) {
    out.codes[i] = static_cast<std::int8_t>(is_finite ? static_cast<int>(rounded[i]) : 0);
  }
  out.scale = largest / 127.0f;
  set_sums(out);
}

}  // namespace

template <cpu::Isa>
void quantize_rows(const Int8Rows& args, std::int64_t begin, std::int64_t end) {
  const std::int64_t groups = args.width / kInt8GroupElements;
  for (std::int64_t i = begin * groups; i < end * groups; ++i) {
    quantize_group(args.x + i * kInt8GroupElements, args.out[i]);
  }
}

template <cpu::Isa>
void multiply_gated(const GatedRows& args) {
  for (std::int64_t row = 0; row < args.rows; ++row) {
    const float* gate = args.gate + row * args.gate_stride;
    const float* up = args.up + row * args.up_stride;
    float* out = args.out + row * args.out_stride;
    for_each_vec(0, args.columns, [&](std::int64_t i, auto lanes) {
      store(out + i, cpu::silu(load(gate + i, lanes)) * load(up + i, lanes), lanes);
    });
  }
}

template void quantize_rows<cpu::kTargetIsa>(const Int8Rows&, std::int64_t, std::int64_t);
template void multiply_gated<cpu::kTargetIsa>(const GatedRows&);

}  // namespace minimax::ops::kernels
