#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Puts the program, the tests that need a GPU and the benchmarks of its kernels, where those were built,
# stripped, with the libraries that they load, into one folder, for a machine that has a GPU and a checkout of this project but cannot build it.
# There, scripts/run_cuda_tests.sh FOLDER runs the tests, benchmarks/cuda.sh FOLDER both.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if (( $# != 2 )) || [[ $1 == -* ]]; then
  echo "usage: pack_cuda_tests.sh BUILD_FOLDER OUTPUT_FOLDER" >&2
  exit 2
fi
build=$1
out=$2
mkdir -p "$out/lib"
programs=("$build/apps/minimax" "$build/tests/golden/golden_parity_test"
          "$build/src/serving/serving_conversation_test")
while IFS= read -r program; do
  programs+=("$program")
done < <(find "$build/src" "$build/tests/cuda" -type f \
  \( -name 'cuda_*_test' -o -name 'cuda_*_bench' -o -name '*_cuda_test' \))

# What every glibc system has stays there.
system='linux-vdso|ld-linux|libc\.so|libm\.so|libdl\.so|librt\.so|libpthread\.so'
for program in "${programs[@]}"; do
  strip -o "$out/$(basename "$program")" "$program"
  ldd "$program" | awk '$3 ~ /^\// {print $3}' | { grep -vE "$system" || true; }
done | sort -u | while IFS= read -r library; do
  cp -L "$library" "$out/lib/"
done
pwd > "$out/built_in"  # where tests look for their data
du -sh "$out"
