// SPDX-License-Identifier: Apache-2.0
// Loops whose speed is the machine's limit, once per instruction set.
#include "cpu/machine_kernels.h"
#include "cpu/simd.h"

namespace minimax::cpu {
namespace {

// Enough sums to cover six cycles of latency of two units, and few enough that compilers unroll
// the loop over them and keep them in the registers of every instruction set.
constexpr int kSums = 12;

struct Sums {
  Vec of[std::size_t{kSums}];
};

float total(const Sums& sums) {
  Vec all = zero();
  for (const Vec& sum : sums.of) {
    all = all + sum;
  }
  return reduce_add(all);
}

template <class Add>
Arithmetic repeat(std::int64_t rounds, double operations_each, Add add) {
  Sums sums;
  for (Vec& sum : sums.of) {
    sum = zero();
  }
  for (std::int64_t round = 0; round < rounds; ++round) {
    for (Vec& sum : sums.of) {
      sum = add(sum);
    }
  }
  return {static_cast<double>(rounds) * kSums * operations_each, total(sums)};
}

template <class Pairs>
Arithmetic multiply_pairs(std::int64_t rounds, float one) {
  tensor::BFloat16 ones[std::size_t{Pairs::kLanes}];
  store(ones, broadcast(one));
  store(ones + Vec::kLanes, broadcast(one));
  const Pairs factor = Pairs::load(ones);
  return repeat(rounds, 2.0 * Pairs::kLanes,
                [&](Vec sum) { return Pairs::add_products(factor, factor, sum); });
}

template <class F>
Arithmetic with_pairs(const F& f) {
  if constexpr (kHasBFloat16Products) {
    return f.template operator()<BFloat16Vec>();
  }
  return {0.0, 0.0f};
}

// As repeat(), with sums of integers.
template <class Bytes, class Sum>
Arithmetic multiply_bytes(std::int64_t rounds, float one) {
  const Bytes factor = Bytes::broadcast(static_cast<std::int8_t>(one));
  Sum sums[std::size_t{kSums}];
  for (Sum& sum : sums) {
    sum = Sum::zero();
  }
  for (std::int64_t round = 0; round < rounds; ++round) {
    for (Sum& sum : sums) {
      sum = add_products(factor, factor, sum);
    }
  }
  Sum all = Sum::zero();
  for (const Sum& sum : sums) {
    all = all + sum;
  }
  return {static_cast<double>(rounds) * kSums * 2.0 * static_cast<double>(Bytes::kLanes),
          static_cast<float>(reduce_add(all))};
}

template <class F>
Arithmetic with_bytes(const F& f) {
  if constexpr (kHasInt8Products) {
    return f.template operator()<Int8Vec, Int32Vec>();
  }
  return {0.0, 0.0f};
}

}  // namespace

template <Isa>
float read_all(const std::byte* data, std::int64_t bytes) {
  const auto* floats = reinterpret_cast<const float*>(data);
  Vec largest[4] = {zero(), zero(), zero(), zero()};
  for (std::int64_t i = 0; i < bytes / 4; i += 4 * Vec::kLanes) {
    for (int v = 0; v < 4; ++v) {
      largest[v] = max(largest[v], load(floats + i + v * Vec::kLanes));
    }
  }
  return reduce_max(max(max(largest[0], largest[1]), max(largest[2], largest[3])));
}

template <Isa>
Arithmetic multiply_float32(std::int64_t rounds, float one) {
  const Vec factor = broadcast(one);
  return repeat(rounds, 2.0 * Vec::kLanes, [&](Vec sum) { return fma(factor, factor, sum); });
}

template <Isa>
Arithmetic multiply_bfloat16(std::int64_t rounds, float one) {
  return with_pairs([&]<class Pairs>() { return multiply_pairs<Pairs>(rounds, one); });
}

template <Isa>
Arithmetic multiply_int8(std::int64_t rounds, float one) {
  return with_bytes(
      [&]<class Bytes, class Sum>() { return multiply_bytes<Bytes, Sum>(rounds, one); });
}

template float read_all<kTargetIsa>(const std::byte*, std::int64_t);
template Arithmetic multiply_float32<kTargetIsa>(std::int64_t, float);
template Arithmetic multiply_bfloat16<kTargetIsa>(std::int64_t, float);
template Arithmetic multiply_int8<kTargetIsa>(std::int64_t, float);

}  // namespace minimax::cpu
