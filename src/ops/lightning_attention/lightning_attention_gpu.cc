// SPDX-License-Identifier: Apache-2.0
// lightning_attention on the GPU: the arguments of the operation as plain pointers.
#include "ops/lightning_attention/lightning_attention_cuda.h"
#include "ops/lightning_attention/lightning_attention_kernels.h"

namespace minimax::ops::cuda {

void lightning_attention(const Context& ctx, const LightningAttentionArgs& args) {
  const tensor::Shape& shape = args.qkv.shape();
  const LightningCudaArgs plain{.qkv = args.qkv.bytes_begin(),
                                .qkv_type = args.qkv.dtype(),
                                .out = args.out.bytes_begin(),
                                .out_type = args.out.dtype(),
                                .decay = args.decay.data(),
                                .cu_seqlens = args.cu_seqlens.data(),
                                .states = args.states.data(),
                                .tokens = shape[0],
                                .batch = std::ssize(args.states),
                                .heads = shape[1],
                                .head_dim = shape[3]};
  if (args.longest == 1 && plain.tokens == plain.batch) {
    lightning_attention_step(plain, ctx.cuda->stream());
  } else {
    lightning_attention(plain, ctx.cuda->stream());
  }
}

}  // namespace minimax::ops::cuda
