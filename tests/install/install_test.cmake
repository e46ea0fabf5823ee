# SPDX-License-Identifier: Apache-2.0
# Installs the build, builds examples/generate against the installed tree only, and runs it and the
# installed program from another folder. Variables: SOURCE, BUILD, WORK, COMPILER, GENERATOR.
foreach(name SOURCE BUILD WORK COMPILER GENERATOR)
  if(NOT DEFINED ${name})
    message(FATAL_ERROR "pass -D${name}=...")
  endif()
endforeach()
set(prefix ${WORK}/prefix)
set(question "What is the capital of France?")
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK}/elsewhere)

# Runs a command in another folder, ends the test when it fails, and leaves its output in `output`.
function(run)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${WORK}/elsewhere
                  RESULT_VARIABLE status OUTPUT_VARIABLE text ERROR_VARIABLE errors)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${ARGN}\nexpected exit status 0, found ${status}\n${text}${errors}")
  endif()
  string(STRIP "${text}" text)
  set(output "${text}" PARENT_SCOPE)
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix})
run(${CMAKE_COMMAND} -G ${GENERATOR} -S ${SOURCE}/examples/generate -B ${WORK}/example
    -DCMAKE_PREFIX_PATH=${prefix} -DCMAKE_CXX_COMPILER=${COMPILER})
run(${CMAKE_COMMAND} --build ${WORK}/example)

run(${WORK}/example/generate ${prefix}/share/minimax/models/tiny-minimax ${question})
set(from_library "${output}")
if(from_library STREQUAL "")
  message(FATAL_ERROR "the example printed no answer")
endif()

# The program finds the demonstration model from its own place.
run(${prefix}/bin/minimax chat --once ${question} --temperature 0)
if(NOT output STREQUAL from_library)
  message(FATAL_ERROR "expected the installed program to answer as the library does:\n"
                      "library: ${from_library}\nprogram: ${output}")
endif()
message(STATUS "both answered: ${output}")
