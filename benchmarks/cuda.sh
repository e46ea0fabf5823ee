#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the GPU tests that scripts/pack_cuda_tests.sh packed, then the benchmarks with their peers, and
# prints one table. Builds nothing; takes some minutes.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if (( $# < 1 || $# > 2 )) || [[ $1 == -* ]]; then
  echo "usage: cuda.sh PACKED_FOLDER [OUTPUT_FOLDER]" >&2
  echo "  MINIMAX_SKIP_TESTS=1 leaves the tests out" >&2
  exit 2
fi
packed=$(realpath "$1")
out=${2:-$(mktemp -d)}
mkdir -p "$out"
export LD_LIBRARY_PATH=$packed/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

if [[ ${MINIMAX_SKIP_TESTS:-0} != 1 ]]; then
  if ! scripts/run_cuda_tests.sh "$packed" > "$out/tests.txt" 2>&1; then
    cat "$out/tests.txt"
    echo "cuda.sh: tests failed, nothing is measured" >&2
    exit 1
  fi
fi

for bench in "$packed"/cuda_*_bench; do
  [[ -x $bench ]] && timeout 120 "$bench" > "$out/$(basename "$bench").txt" 2>&1
done
python3 -c 'import torch' 2> /dev/null &&
  timeout 240 python3 benchmarks/cuda_peers.py > "$out/peers.txt" 2>&1

# A whole model: NAME ARGUMENTS...
model() {
  local name=$1
  shift
  timeout 240 "$packed/minimax" bench --device cuda --json "$@" > "$out/$name.json" 2> "$out/$name.txt"
}
model layers40 --synthetic text-01 --layers 40 --format int4_g64 --prompt-tokens 8192,32768 \
  --depth 128 --batch 1,8,64 --repetitions 3
model layers4 --synthetic text-01 --layers 4 --format bf16 --prompt-tokens 0 --depth 128 --repetitions 5
model layers8 --synthetic text-01 --layers 8 --format int4_g64 --prompt-tokens 0 --depth 1048576 \
  --repetitions 5

# 16 GB of bfloat16, in the page cache since they were written.
checkpoint=$(mktemp -d)
trap 'rm -rf "$checkpoint"' EXIT
python3 benchmarks/random_checkpoint.py "$checkpoint" --set num_hidden_layers=1 &&
  model load "$checkpoint" --load
python3 benchmarks/cuda_table.py "$out"
echo "details: $out"
