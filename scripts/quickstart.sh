#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a bare Debian 12 to an answer: installs what the build needs, builds the program and asks
# the demonstration model the question given, or opens the chat when none is given.
# A second start only checks that nothing changed.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$(realpath -m "${MINIMAX_BUILD_FOLDER:-$root/build/release}")

usage() {
  echo 'usage: quickstart.sh ["a question"]'
  echo 'Without a question the interactive chat opens.'
  echo 'MINIMAX_BUILD_FOLDER names the build folder, build/release when it is not set.'
}
if [[ ${1-} == -h || ${1-} == --help ]]; then
  usage
  exit 0
fi
if (( $# > 1 )); then
  echo "expected one question (in quotation marks), found $# arguments" >&2
  usage >&2
  exit 2
fi

"$root/scripts/install_packages.sh"

# Configured before, and for this place: a build folder may have been copied with the sources.
if ! [[ -f $build/build.ninja ]] ||
   ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$build/CMakeCache.txt"; then
  echo "Configuring the build in $build ..." >&2
  (cd "$root" && cmake --preset release -B "$build" --fresh -DMINIMAX_BUILD_TESTS=OFF) >&2
fi
if ! ninja -C "$build" -n minimax | grep -q "no work to do"; then
  echo "Building minimax ..." >&2
  NINJA_STATUS="[%f/%t, %es] " ninja -C "$build" minimax >&2
fi

if (( $# == 0 )); then
  exec "$build/apps/minimax" chat
fi
exec "$build/apps/minimax" chat --once="$1"
