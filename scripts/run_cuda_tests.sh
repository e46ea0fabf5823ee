#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the GPU tests that scripts/pack_cuda_tests.sh packed, on the data of this checkout. Builds
# nothing. Prints a line a program and the output of those that failed; 1 where any did.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if (( $# != 1 )) || [[ $1 == -* ]]; then
  echo "usage: run_cuda_tests.sh FOLDER" >&2
  exit 2
fi
folder=$(realpath "$1")
export LD_LIBRARY_PATH=$folder/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || exit 1

built_in=$(cat "$folder/built_in")
if [[ ! -e $built_in ]]; then  # the tests know their data by the place where they were built
  mkdir -p "$(dirname "$built_in")"
  ln -s "$PWD" "$built_in"
fi

failed=0
for test in "$folder"/*_test; do
  filter='*'
  [[ $(basename "$test") != cuda_* ]] && filter='*_cuda*'  # of all devices
  log=$(mktemp)
  start=$SECONDS
  if timeout 300 "$test" --gtest_filter="$filter" --gtest_brief=1 > "$log" 2>&1; then
    result=passed
  else
    result="FAILED ($?)"
    failed=1
  fi
  echo "$(basename "$test"): $result in $((SECONDS - start)) s: $(grep -E '^\[  (PASSED|SKIPPED)' "$log" | tr '\n' ' ')"
  [[ $result == passed ]] || head -c 20000 "$log"
  rm -f "$log"
done
exit "$failed"
