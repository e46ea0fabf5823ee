# SPDX-License-Identifier: Apache-2.0
# Whether there is a CUDA compiler, and how files are compiled with it.

set(MINIMAX_CUDA "AUTO" CACHE STRING "Build for NVIDIA GPUs: ON, OFF, or AUTO where nvcc is found")
set_property(CACHE MINIMAX_CUDA PROPERTY STRINGS AUTO ON OFF)
set(MINIMAX_CUDA_ARCHITECTURES "90a-real" CACHE STRING
    "GPU architectures as CMake names them, for example 80-virtual;90a-real; without 90a, the kernels of Hopper are \
left alone on a Hopper, too, which then shows what older GPUs get")
if(MINIMAX_CUDA_ARCHITECTURES MATCHES "90a")
  set(MINIMAX_CUDA_HOPPER 1)
else()
  set(MINIMAX_CUDA_HOPPER 0)
endif()

set(MINIMAX_HAS_CUDA OFF)
if(MINIMAX_CUDA)  # AUTO counts as true
  if(NOT CMAKE_CUDA_COMPILER)
    find_program(nvcc nvcc HINTS ENV CUDA_PATH /usr/local/cuda PATH_SUFFIXES bin)
    mark_as_advanced(nvcc)
    if(nvcc)
      set(CMAKE_CUDA_COMPILER ${nvcc})
    endif()
  endif()
  if(CMAKE_CUDA_COMPILER)
    set(CMAKE_CUDA_ARCHITECTURES ${MINIMAX_CUDA_ARCHITECTURES})
    enable_language(CUDA)
    find_package(CUDAToolkit 13 REQUIRED)
    if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 does not know that nvcc has it
      set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
      set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
    endif()
    set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
    set(MINIMAX_HAS_CUDA ON)
  elseif(NOT MINIMAX_CUDA STREQUAL "AUTO")
    message(FATAL_ERROR "MINIMAX_CUDA is ${MINIMAX_CUDA}, but no nvcc was found")
  endif()
endif()
message(STATUS "CUDA: ${MINIMAX_HAS_CUDA}")

# Options of everything that nvcc compiles. Decoders of quant/ are constexpr and so run on the GPU as
# they are.
function(minimax_cuda_options target)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/src
                                               ${PROJECT_SOURCE_DIR}/include)
  target_compile_options(${target} PRIVATE
    $<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr --extended-lambda -lineinfo>)
  if(MINIMAX_WARNINGS_AS_ERRORS)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings>)
  endif()
endfunction()

# Adds files to `target` as an object library of their own, since the options of the C++ compiler do
# not fit nvcc; for these architectures.
function(minimax_cuda_objects target objects architectures)
  if(NOT MINIMAX_HAS_CUDA)
    return()
  endif()
  list(TRANSFORM ARGN PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ OUTPUT_VARIABLE files)
  if(NOT TARGET ${objects})
    add_library(${objects} OBJECT)
    minimax_cuda_options(${objects})
    set_target_properties(${objects} PROPERTIES CUDA_ARCHITECTURES "${architectures}")
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${objects}>)
  endif()
  target_sources(${objects} PRIVATE ${files})
endfunction()

# minimax_cuda_sources(target a.cu b.cu)
function(minimax_cuda_sources target)
  minimax_cuda_objects(${target} ${target}_cuda "${MINIMAX_CUDA_ARCHITECTURES}" ${ARGN})
endfunction()

# minimax_cuda_sm90_sources(target a_sm90.cu)
# What uses instructions that Hopper alone has, and is chosen at run time.
function(minimax_cuda_sm90_sources target)
  minimax_cuda_objects(${target} ${target}_cuda_sm90 90a-real ${ARGN})
endfunction()

# minimax_cuda_test(ops/matmul SOURCES a_test.cu DEPS minimax::ops)
# A GoogleTest program with code for the GPU: the test cuda/ops/matmul, label `cuda`.
function(minimax_cuda_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  minimax_wanted(wanted cuda)
  if(NOT wanted OR NOT MINIMAX_HAS_CUDA)
    return()
  endif()
  string(REPLACE "/" "_" target "cuda_${name}_test")
  add_executable(${target} ${ARG_SOURCES})
  minimax_cuda_options(${target})
  target_link_libraries(${target} PRIVATE ${ARG_DEPS} GTest::gtest GTest::gmock GTest::gtest_main)
  target_compile_definitions(${target} PRIVATE MINIMAX_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  add_dependencies(minimax_tests ${target})
  minimax_add_test(cuda/${name} LABELS cuda COMMAND ${target})
endfunction()

# minimax_cuda_benchmark(ops/matmul SOURCES a_bench.cu DEPS minimax::ops)
# A program cuda_ops_matmul_bench; needs MINIMAX_BUILD_BENCHMARKS.
function(minimax_cuda_benchmark name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  if(NOT MINIMAX_BUILD_BENCHMARKS OR NOT MINIMAX_HAS_CUDA)
    return()
  endif()
  string(REPLACE "/" "_" target "cuda_${name}_bench")
  add_executable(${target} ${ARG_SOURCES})
  minimax_cuda_options(${target})
  target_link_libraries(${target} PRIVATE ${ARG_DEPS})
endfunction()
