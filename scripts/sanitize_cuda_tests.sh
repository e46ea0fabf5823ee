#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the tests of the GPU's kernels that scripts/pack_cuda_tests.sh packed under compute-sanitizer. Every
# program is divided into parts that run beside each other. A part that does not end in time is named with
# what it got done and is no failure: the tools make a kernel up to a hundred times slower. Prints a line
# a part; 1 where any tool found something or a test failed.
set -uo pipefail

if (( $# < 1 || $# > 2 )) || [[ $1 == -* ]]; then
  echo "usage: sanitize_cuda_tests.sh FOLDER [OUTPUT_FOLDER]" >&2
  echo "  MINIMAX_SANITIZER_TOOLS     memcheck racecheck initcheck synccheck" >&2
  echo "  MINIMAX_SANITIZER_TESTS     programs of FOLDER; all of kernels unless given" >&2
  echo "  MINIMAX_SANITIZER_SECONDS   for each part (90)" >&2
  exit 2
fi
folder=$(realpath "$1")
out=${2:-$(mktemp -d)}
tools=${MINIMAX_SANITIZER_TOOLS:-memcheck racecheck initcheck synccheck}
# The other programs run whole models.
tests=${MINIMAX_SANITIZER_TESTS:-$(cd "$folder" && echo cuda_ops_*_test cuda_ops_test cuda_tiles_test \
  cuda_choose_tokens_test)}
seconds=${MINIMAX_SANITIZER_SECONDS:-90}
readonly parts=4
mkdir -p "$out"
export LD_LIBRARY_PATH=$folder/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

# One tool over one part of a program: TOOL PROGRAM PART
sanitize() {
  local tool=$1 program=$2 part=$3
  local log=$out/$program.$tool.$part.txt
  GTEST_TOTAL_SHARDS=$parts GTEST_SHARD_INDEX=$part timeout "$seconds" \
    compute-sanitizer --tool "$tool" --error-exitcode 9 --print-limit 20 \
    "$folder/$program" --gtest_print_time=0 > "$log" 2>&1
  local code=$? passed found
  passed=$(grep -c '^\[       OK' "$log")
  found=$(grep -cE '^=========( Error:| Warning:| Invalid | Uninitialized | Program hit | Barrier error)' "$log")
  local result="clean"
  (( code == 124 )) && result="not all of it in $seconds s"
  (( code != 0 && code != 124 )) && result="FAILED ($code)"
  (( found > 0 )) && result="FAILED ($found found)"
  echo "$tool $program $part: $result, $passed tests"
}
export -f sanitize
export folder out seconds parts

for tool in $tools; do
  for program in $tests; do
    for (( part = 0; part < parts; ++part )); do
      echo "$tool $program $part"
    done
  done
done | xargs -P "$(nproc)" -L 1 bash -c 'sanitize "$@"' _ | tee "$out/summary.txt"
! grep -q FAILED "$out/summary.txt"
