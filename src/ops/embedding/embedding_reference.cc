// SPDX-License-Identifier: Apache-2.0
// embedding in plain loops.
#include "ops/embedding/embedding_kernels.h"

namespace minimax::ops::reference {

void embedding(const EmbeddingRows& args, std::int64_t begin, std::int64_t end) {
  for (std::int64_t t = begin; t < end; ++t) {
    quant::decode_row(*args.table, args.token_ids[t],
                      {args.out + t * args.width, static_cast<std::size_t>(args.width)});
  }
}

}  // namespace minimax::ops::reference
