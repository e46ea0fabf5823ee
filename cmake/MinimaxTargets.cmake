# SPDX-License-Identifier: Apache-2.0
# The few functions with which every folder declares its library, tests and fuzz targets.

# Options that every target of the project is compiled with.
function(minimax_compile_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                                           -Wsign-conversion -Wnon-virtual-dtor)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    target_compile_options(${target} PRIVATE -Wno-restrict)  # GCC bug 105651: false in std::string
  endif()
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
# A GoogleTest program, run as one CTest test; the label is `unit` unless others are given. Tests of
# code that runs on several threads carry `threads` too: they also run under ThreadSanitizer.
function(minimax_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;LIBRARIES;LABELS;ARGS" ${ARGN})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  minimax_wanted(wanted ${ARG_LABELS})
  if(NOT wanted)
    return()
  endif()
  string(REPLACE "/" "_" target "${name}_test")
  add_executable(${target} ${ARG_SOURCES})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR})
  target_link_libraries(${target} PRIVATE ${ARG_DEPS} ${ARG_LIBRARIES} GTest::gtest GTest::gmock GTest::gtest_main)
  target_compile_definitions(${target} PRIVATE MINIMAX_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  minimax_compile_options(${target})
  add_dependencies(minimax_tests ${target})
  minimax_add_test(${name} LABELS ${ARG_LABELS} COMMAND ${target} ${ARG_ARGS})
endfunction()

# Sets `result` to whether tests with any of the given labels are part of this build.
function(minimax_wanted result)
  set(wanted OFF)
  if(MINIMAX_BUILD_TESTS)
    foreach(label ${ARGN})
      if(NOT MINIMAX_TEST_LABELS OR label IN_LIST MINIMAX_TEST_LABELS)
        set(wanted ON)
      endif()
    endforeach()
  endif()
  set(${result} ${wanted} PARENT_SCOPE)
endfunction()

# minimax_add_test(lint/layers LABELS lint COMMAND python3 ... [PROCESSORS 2])
# add_test with the build's prefix, labels and a time limit. An exit status of 77 means "skipped".
function(minimax_add_test name)
  cmake_parse_arguments(ARG "" "PROCESSORS;TIMEOUT" "LABELS;COMMAND" ${ARGN})
  minimax_wanted(wanted ${ARG_LABELS})
  if(NOT wanted)
    return()
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 600)
  endif()
  if(NOT ARG_PROCESSORS)
    set(ARG_PROCESSORS 1)
  endif()
  set(test ${MINIMAX_TEST_PREFIX}${name})
  add_test(NAME ${test} COMMAND ${ARG_COMMAND})
  set_tests_properties(${test} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT}
                                          PROCESSORS ${ARG_PROCESSORS} SKIP_RETURN_CODE 77)
endfunction()

# minimax_fuzz(io/safetensors SOURCES safetensors_fuzz.cc DEPS minimax::io [SEEDS folder])
# A libFuzzer program fuzz_io_safetensors and a short run of it as a test, which starts from the
# files of the folder SEEDS where that is given; built only with MINIMAX_BUILD_FUZZERS.
function(minimax_fuzz name)
  cmake_parse_arguments(ARG "" "SEEDS" "SOURCES;DEPS;LIBRARIES" ${ARGN})
  minimax_wanted(wanted fuzz)
  if(NOT MINIMAX_BUILD_FUZZERS OR NOT wanted)
    return()
  endif()
  string(REPLACE "/" "_" target "fuzz_${name}")
  add_executable(${target} ${ARG_SOURCES})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${target} PRIVATE ${ARG_DEPS} ${ARG_LIBRARIES})
  minimax_compile_options(${target})
  target_link_options(${target} PRIVATE -fsanitize=fuzzer)
  add_dependencies(minimax_tests ${target})
  # The first folder collects what the run finds; the inputs that failed land beside it.
  set(found ${CMAKE_CURRENT_BINARY_DIR}/${target}_corpus)
  file(MAKE_DIRECTORY ${found})
  set(seeds "")
  if(ARG_SEEDS)
    cmake_path(ABSOLUTE_PATH ARG_SEEDS BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} OUTPUT_VARIABLE seeds)
  endif()
  minimax_add_test(fuzz/${name} LABELS fuzz
    COMMAND ${target} -max_total_time=${MINIMAX_FUZZ_SECONDS} -timeout=10 -rss_limit_mb=2048
            -print_final_stats=1 -artifact_prefix=${CMAKE_CURRENT_BINARY_DIR}/${target}_ ${found} ${seeds})
endfunction()
