// SPDX-License-Identifier: Apache-2.0
// Kernels that start before the kernel ahead of them in the stream has ended (programmatic
// dependent launch, compute capability 9.0): until they wait, they touch only what no kernel
// writes, such as weights. Older GPUs run kernels one after the other, and all of this does
// nothing.
#pragma once

#include <nv/target>
#include <utility>

#include "cuda/check.h"
#include "cuda/device.h"

namespace minimax::cuda {

/// Waits until the kernels ahead have ended and what they wrote is seen. All threads come here,
/// also those that have nothing to do: a kernel that ended before the one ahead of it would let the
/// kernels behind it read too soon.
__device__ inline void wait_for_kernels_ahead() {
  NV_IF_TARGET(NV_PROVIDES_SM_90, (asm volatile("griddepcontrol.wait;" :: : "memory");))
}

/// Asks for memory that kernels may still be writing to be brought into the second cache.
__device__ inline void fetch_ahead(const void* address) {
  asm volatile("prefetch.global.L2 [%0];" ::"l"(address));
}

/// The same for many bytes, a multiple of 16, aligned. Nothing where the GPU has no such
/// instruction.
__device__ inline void fetch_ahead(const void* address, int bytes) {
  NV_IF_TARGET(
      NV_PROVIDES_SM_90,
      (asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(address), "r"(bytes));))
}

/// Lets the next kernel start, as far as it finds room, if it was launched by launch_early.
__device__ inline void let_next_kernel_start() {
  NV_IF_TARGET(NV_PROVIDES_SM_90, (asm volatile("griddepcontrol.launch_dependents;" :: :);))
}

struct LaunchShape {
  dim3 blocks;
  int threads;
  int shared_bytes;
};

/// Launches a kernel that may start early: it calls wait_for_kernels_ahead. Throws: Error{kDevice}.
template <class... Parameters, class... Arguments>
void launch_early(const char* name, void (*kernel)(Parameters...), const LaunchShape& shape,
                  cudaStream_t stream, Arguments&&... arguments) {
  if (shape.shared_bytes > 0) {
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               shape.shared_bytes),
          name);
  }
  cudaLaunchAttribute early = {};
  early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  early.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = shape.blocks;
  config.blockDim = dim3(static_cast<unsigned>(shape.threads));
  config.dynamicSmemBytes = static_cast<std::size_t>(shape.shared_bytes);
  config.stream = stream;
  config.attrs = &early;
  config.numAttrs = has_hopper() ? 1 : 0;  // code for older GPUs does not wait
  check(cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...), name);
}

}  // namespace minimax::cuda
