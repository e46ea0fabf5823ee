// SPDX-License-Identifier: Apache-2.0
// Kernels that start before the kernel ahead of them in the stream has ended (programmatic
// dependent launch, compute capability 9.0): until they wait, they touch only what no kernel
// writes, such as weights. Older GPUs run kernels one after the other, and all of this does
// nothing.
#pragma once

#include <nv/target>
#include <utility>

#include "cuda/check.h"

namespace minimax::cuda {

/// Waits until the kernels ahead have ended and what they wrote is seen. All threads come here.
__device__ inline void wait_for_kernels_ahead() {
  NV_IF_TARGET(NV_PROVIDES_SM_90, (asm volatile("griddepcontrol.wait;" :: : "memory");))
}

/// Lets the next kernel start, as far as it finds room, if it was launched by launch_early.
__device__ inline void let_next_kernel_start() {
  NV_IF_TARGET(NV_PROVIDES_SM_90, (asm volatile("griddepcontrol.launch_dependents;" :: :);))
}

struct LaunchShape {
  int blocks;
  int threads;
  int shared_bytes;
};

/// Launches a kernel that may start early: it calls wait_for_kernels_ahead. Throws: Error{kDevice}.
template <class... Parameters, class... Arguments>
void launch_early(const char* name, void (*kernel)(Parameters...), const LaunchShape& shape,
                  cudaStream_t stream, Arguments&&... arguments) {
  check(
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shape.shared_bytes),
      name);
  cudaLaunchAttribute early = {};
  early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  early.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(shape.blocks));
  config.blockDim = dim3(static_cast<unsigned>(shape.threads));
  config.dynamicSmemBytes = static_cast<std::size_t>(shape.shared_bytes);
  config.stream = stream;
  config.attrs = &early;
  config.numAttrs = 1;
  check(cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...), name);
}

}  // namespace minimax::cuda
