# SPDX-License-Identifier: Apache-2.0
# Files that are compiled once for each instruction set, and the folders of src/ops/.
# The flags of an instruction set must match src/cpu/target_isa.h and detect_isa().

if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  message(FATAL_ERROR "minimax.cpp supports x86-64 processors, found ${CMAKE_SYSTEM_PROCESSOR}")
endif()

set(MINIMAX_ISAS scalar avx2 avx2_vnni avx512)
set(MINIMAX_ISA_FLAGS_scalar "")
set(MINIMAX_ISA_FLAGS_avx2 -mavx2 -mfma -mf16c)
set(MINIMAX_ISA_FLAGS_avx2_vnni ${MINIMAX_ISA_FLAGS_avx2} -mavxvnni)
set(MINIMAX_ISA_FLAGS_avx512 ${MINIMAX_ISA_FLAGS_avx2} -mavx512f -mavx512bw -mavx512dq -mavx512vl
                             -mavx512bf16 -mavx512vnni)

# minimax_isa_sources(target file.cc ...)
# Adds the files to `target` once per instruction set, as one object library each. Multiplications
# and additions are never contracted behind our back, so that tails round like full vectors.
function(minimax_isa_sources target)
  list(TRANSFORM ARGN PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ OUTPUT_VARIABLE files)
  foreach(isa IN LISTS MINIMAX_ISAS)
    set(objects ${target}_${isa})
    if(NOT TARGET ${objects})
      add_library(${objects} OBJECT)
      target_include_directories(${objects} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
      minimax_compile_options(${objects})
      target_compile_options(${objects} PRIVATE ${MINIMAX_ISA_FLAGS_${isa}} -ffp-contract=off)
      if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        # GCC 12 takes the deliberately undefined registers inside its own intrinsics for mistakes.
        target_compile_options(${objects} PRIVATE -Wno-uninitialized -Wno-maybe-uninitialized)
      endif()
      target_sources(${target} PRIVATE $<TARGET_OBJECTS:${objects}>)
    endif()
    target_sources(${objects} PRIVATE ${files})
  endforeach()
endfunction()

# minimax_op(rms_norm)
# Adds the folder rms_norm/ to the library `ops`: rms_norm.cc and rms_norm_reference.cc, and
# rms_norm_cpu.cc (once per instruction set), rms_norm_cuda.cu, rms_norm_test.cc and
# rms_norm_bench.cc where present.
function(minimax_op name)
  set(CMAKE_CURRENT_SOURCE_DIR ${CMAKE_CURRENT_SOURCE_DIR}/${name})
  set(folder ${CMAKE_CURRENT_SOURCE_DIR})
  target_sources(minimax_ops PRIVATE ${folder}/${name}.cc ${folder}/${name}_reference.cc)
  if(EXISTS ${folder}/${name}_cpu.cc)
    minimax_isa_sources(minimax_ops ${name}_cpu.cc)
  endif()
  if(EXISTS ${folder}/${name}_cuda.cu)
    minimax_cuda_sources(minimax_ops ${name}_cuda.cu)
  endif()
  if(EXISTS ${folder}/${name}_test.cc)
    minimax_test(ops/${name} SOURCES ${folder}/${name}_test.cc DEPS minimax::ops minimax::op_testing)
  endif()
  if(EXISTS ${folder}/${name}_bench.cc)
    minimax_benchmark(ops/${name} SOURCES ${folder}/${name}_bench.cc DEPS minimax::ops)
  endif()
endfunction()

# minimax_benchmark(ops/matmul SOURCES matmul_bench.cc DEPS minimax::ops)
# A Google Benchmark program ops_matmul_bench; needs MINIMAX_BUILD_BENCHMARKS.
function(minimax_benchmark name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  if(NOT MINIMAX_BUILD_BENCHMARKS)
    return()
  endif()
  find_package(benchmark REQUIRED)
  string(REPLACE "/" "_" target "${name}_bench")
  add_executable(${target} ${ARG_SOURCES})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${target} PRIVATE ${ARG_DEPS} benchmark::benchmark benchmark::benchmark_main)
  minimax_compile_options(${target})
endfunction()
