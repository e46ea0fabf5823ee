# SPDX-License-Identifier: Apache-2.0
# The few functions with which every folder declares its library, tests and fuzz targets.

# Options that every target of the project is compiled with.
function(minimax_compile_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                                           -Wsign-conversion -Wnon-virtual-dtor)
  if(MINIMAX_WARNINGS_AS_ERRORS)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(MINIMAX_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${MINIMAX_SANITIZE} -fno-sanitize-recover=all
                                             -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${MINIMAX_SANITIZE})
  endif()
  if(MINIMAX_BUILD_FUZZERS)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
endfunction()

# minimax_library(base SOURCES a.cc b.cc DEPS minimax::tensor LIBRARIES fmt::fmt)
# One static library per folder of src/. DEPS are libraries of strictly lower layers
# (tools/check_layers.py holds the rule); LIBRARIES are third-party targets.
function(minimax_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;LIBRARIES" ${ARGN})
  add_library(minimax_${name} STATIC ${ARG_SOURCES})
  add_library(minimax::${name} ALIAS minimax_${name})
  set_target_properties(minimax_${name} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(
    minimax_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
                    PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(minimax_${name} PUBLIC ${ARG_DEPS} PRIVATE ${ARG_LIBRARIES})
  minimax_compile_options(minimax_${name})
  set_property(GLOBAL APPEND PROPERTY MINIMAX_LIBRARIES minimax_${name})
endfunction()

# minimax_test(tensor/shape SOURCES shape_test.cc DEPS minimax::tensor [LABELS unit])
# A GoogleTest program, run as one CTest test; the label is `unit` unless another is given.
function(minimax_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;LIBRARIES;LABELS;ARGS" ${ARGN})
  if(NOT MINIMAX_BUILD_TESTS)
    return()
  endif()
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  string(REPLACE "/" "_" target "${name}_test")
  add_executable(${target} ${ARG_SOURCES})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR})
  target_link_libraries(${target} PRIVATE ${ARG_DEPS} ${ARG_LIBRARIES} GTest::gtest GTest::gmock GTest::gtest_main)
  target_compile_definitions(${target} PRIVATE MINIMAX_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  minimax_compile_options(${target})
  add_test(NAME ${name} COMMAND ${target} ${ARG_ARGS})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 600)
endfunction()

# minimax_fuzz(io/safetensors SOURCES safetensors_fuzz.cc DEPS minimax::io)
# A libFuzzer program fuzz_io_safetensors; built only with MINIMAX_BUILD_FUZZERS.
function(minimax_fuzz name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;LIBRARIES" ${ARGN})
  if(NOT MINIMAX_BUILD_FUZZERS)
    return()
  endif()
  string(REPLACE "/" "_" target "fuzz_${name}")
  add_executable(${target} ${ARG_SOURCES})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${target} PRIVATE ${ARG_DEPS} ${ARG_LIBRARIES})
  minimax_compile_options(${target})
  target_link_options(${target} PRIVATE -fsanitize=fuzzer)
  set_property(GLOBAL APPEND PROPERTY MINIMAX_FUZZERS ${target})
endfunction()
