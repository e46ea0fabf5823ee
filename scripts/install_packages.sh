#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages of packages.txt that are missing: those that build the program,
# and with --test also those that the tests need. Does nothing, quickly, when all are there.
set -euo pipefail
folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
  echo "usage: ${0##*/} [--test]" >&2
  exit 2
}

with_tests=0
case "$#:${1-}" in
  0:) ;;
  1:--test) with_tests=1 ;;
  *) usage ;;
esac

wanted=()
while read -r package only _; do
  if [[ -n $package && $package != \#* && (-z $only || $with_tests == 1) ]]; then
    wanted+=("$package")
  fi
done < "$folder/packages.txt"

# Sets `missing` to the wanted packages that dpkg does not report as installed.
find_missing() {
  local installed package
  installed=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' "${wanted[@]}" 2>/dev/null || true)
  missing=()
  for package in "${wanted[@]}"; do
    [[ $'\n'$installed$'\n' == *$'\nii '"$package"$'\n'* ]] || missing+=("$package")
  done
}

if ! command -v dpkg-query > /dev/null; then
  echo "This is not a Debian system: install the counterparts of these packages by hand," >&2
  echo "then build with cmake (see README.md): ${wanted[*]}" >&2
  exit 1
fi
find_missing
if (( ${#missing[@]} == 0 )); then
  exit 0
fi
if (( EUID != 0 )); then
  echo "These Debian packages are missing; install them as root and start again:" >&2
  echo "  apt-get install ${missing[*]}" >&2
  exit 1
fi
echo "Installing ${#missing[@]} packages: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
{
  apt-get update
  apt-get install --yes --no-install-recommends "${missing[@]}"
} >&2
find_missing
if (( ${#missing[@]} > 0 )); then
  echo "apt-get succeeded, yet these packages are not installed: ${missing[*]}" >&2
  exit 1
fi
