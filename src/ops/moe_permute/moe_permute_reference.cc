// SPDX-License-Identifier: Apache-2.0
// moe_permute as a counting sort.
#include "ops/moe_permute/moe_permute_kernels.h"

namespace minimax::ops::reference {

void moe_permute(const MoePermutePairs& args) {
  for (std::int64_t e = 0; e <= args.experts; ++e) {
    args.offsets[e] = 0;
  }
  for (std::int64_t pair = 0; pair < args.pairs; ++pair) {
    ++args.offsets[args.expert_ids[pair] + 1];
  }
  for (std::int64_t e = 0; e < args.experts; ++e) {
    args.offsets[e + 1] += args.offsets[e];
  }
  // offsets[e] moves to the end of expert e while its pairs are placed, which is the begin of
  // e + 1: one shift afterwards restores the begins.
  for (std::int64_t pair = 0; pair < args.pairs; ++pair) {
    const std::int32_t row = args.offsets[args.expert_ids[pair]]++;
    args.pair_of_row[row] = static_cast<std::int32_t>(pair);
    args.row_of_pair[pair] = row;
  }
  for (std::int64_t e = args.experts; e > 0; --e) {
    args.offsets[e] = args.offsets[e - 1];
  }
  args.offsets[0] = 0;
}

}  // namespace minimax::ops::reference
