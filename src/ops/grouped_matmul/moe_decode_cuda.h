// SPDX-License-Identifier: Apache-2.0
// The routed experts of a layer for few tokens, on a GPU and in one launch: gate, up and SiLU, then
// down and the weighted sum. Reads only the experts that the router chose, each weight once for up
// to 32 tokens that chose it, and is bound by that.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cuda/stream.h"
#include "ops/device_matrix/device_matrix.h"

namespace minimax::ops::cuda {

inline constexpr std::int64_t kMoeDecodeMaxTokens = 64;
inline constexpr std::int64_t kMoeDecodeMaxPairs = 128;
inline constexpr std::int64_t kMoeDecodeMaxExperts = 256;

/// One matrix of every expert, repacked.
struct ExpertMatrices {
  const void* data;           // of expert 0, 16-byte aligned
  std::int64_t expert_bytes;  // from an expert to the next, a multiple of 16
};

/// out[t] = sum over slots s of expert_weights[t, s] * down_e (SiLU(gate_e x[t]) * (up_e x[t])),
/// e = expert_ids[t, s], in the order of the slots. Sums are float32; what enters down is
/// rounded to bf16. The same bits for the same ids.
/// Everything that changes from step to step is read from device memory: the launch can be
/// captured. The blocks wait for each other, so two launches must not run at the same time, in
/// two streams.
/// Requires: 1 <= tokens <= kMoeDecodeMaxTokens, pairs (tokens * top_k) <= kMoeDecodeMaxPairs,
/// experts <= kMoeDecodeMaxExperts; ids of a token differ and lie in [0, experts); gate and up
/// have one format.
/// Throws: Error{kDevice} where the launch fails.
struct MoeDecode {
  const void* x;                   // [tokens, hidden] bf16
  const std::int32_t* expert_ids;  // [tokens, top_k]
  const float* expert_weights;     // [tokens, top_k]
  std::int64_t tokens;             // T
  std::int64_t top_k;
  std::int64_t experts;      // N
  DeviceLayout gate_layout;  // [inner, hidden], of gate and up
  ExpertMatrices gate;
  ExpertMatrices up;         // the same expert_bytes as gate
  DeviceLayout down_layout;  // [hidden, inner]
  ExpertMatrices down;
  void* out;  // [tokens, hidden] bf16 or float32; must not overlap x
  bool out_is_float = false;
  void* barrier;   // Runtime::grid_barrier(), or two words that are zero at first
  void* scratch;   // moe_decode_scratch_bytes(...)
  int processors;  // multiprocessors of the GPU
};
void moe_decode(const MoeDecode& args, minimax::cuda::Stream stream);

/// Scratch of launches one after the other, which may be of different layers.
std::int64_t moe_decode_scratch_bytes(std::int64_t pairs, std::int64_t hidden, std::int64_t inner,
                                      int processors);

}  // namespace minimax::ops::cuda
