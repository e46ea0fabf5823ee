// SPDX-License-Identifier: Apache-2.0
// scaled_add on the GPU: one thread an element.
#include "cuda/kernel.cuh"
#include "ops/scaled_add/scaled_add_kernels.h"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::elements;
using minimax::cuda::for_each;
using minimax::cuda::from_float;
using minimax::cuda::to_float;
using minimax::cuda::visit_activations;

template <class A, class B, class Out>
void run(const Context& ctx, const ScaledAddArgs& args) {
  const A* a = elements<A>(args.a);
  const B* b = elements<B>(args.b);
  Out* out = elements<Out>(args.out);
  const float alpha = args.alpha;
  const float beta = args.beta;
  for_each(ctx.cuda->stream(), args.out.elements(), "scaled_add", [=] __device__(std::int64_t i) {
    out[i] = from_float<Out>(alpha * to_float(a[i]) + beta * to_float(b[i]));
  });
}

}  // namespace

void scaled_add(const Context& ctx, const ScaledAddArgs& args) {
  visit_activations(args.a.dtype(), [&]<class A>() {
    visit_activations(args.b.dtype(), [&]<class B>() {
      visit_activations(args.out.dtype(), [&]<class Out>() { run<A, B, Out>(ctx, args); });
    });
  });
}

}  // namespace minimax::ops::cuda
