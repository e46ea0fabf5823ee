#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds and runs all tests: the optimised build with every test and lint, the unit tests and short
# fuzz runs under ASan and UBSan, and the threaded code under ThreadSanitizer. Everything lands
# below build/; one ctest summary of all of it comes last.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat << 'END'
usage: test.sh [--quick] [CTEST_ARGUMENT ...]
  --quick         only the optimised build, without the tests labelled `slow` (clang-tidy for one)
  CTEST_ARGUMENT  handed to ctest, for example -L lint or -R tokenizer
END
}

presets=(ci-release ci-sanitize ci-tsan)
ctest_arguments=()
while (( $# > 0 )); do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --quick) presets=(ci-release); ctest_arguments+=(-LE slow) ;;
    *) ctest_arguments+=("$1") ;;
  esac
  shift
done

jobs=$(nproc)
scripts/install_packages.sh --test

# Python's tools, in a folder of their own. Where PyPI cannot be reached, Debian's stand in.
if ! build/python/bin/pip freeze 2> /dev/null | grep -qxFf <(grep -v '^#' tools/requirements-lint.txt); then
  python3 -m venv build/python &&
    build/python/bin/pip install --quiet --disable-pip-version-check \
      --requirement tools/requirements-lint.txt || rm -rf build/python
fi

# Prints --fresh where a build folder was copied along with the sources, and means the old place.
fresh_if_moved() {
  local cache=build/$1/CMakeCache.txt
  if [[ -f $cache ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" "$cache"; then
    echo --fresh
  fi
}

for preset in "${presets[@]}"; do
  echo "== build/$preset"
  start=$SECONDS
  # shellcheck disable=SC2046 # nothing, or one word
  cmake --preset "$preset" $(fresh_if_moved "$preset") > /dev/null
  NINJA_STATUS="[%f/%t, %es] " cmake --build --preset "$preset" -j "$jobs"
  echo "== build/$preset took $((SECONDS - start)) s"
done

# One folder that gathers the tests of all builds, for one run and one summary.
mkdir -p build/ci
for preset in "${presets[@]}"; do
  echo "subdirs(../$preset)"
done > build/ci/CTestTestfile.cmake
ctest --test-dir build/ci --output-on-failure --no-tests=error -j "$jobs" "${ctest_arguments[@]}"
