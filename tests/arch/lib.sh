# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What the gates share. A gate is a script `NAME.sh TREE FACTS [...]` that reads the tree and the facts which facts.cmake
# wrote, prints one line a violation (`where: what: the fix`) and exits 1 if there was one. selftest.sh shows each fail.
set -euo pipefail
export LC_ALL=C

violations=0
violation() {
  printf '%s\n' "$*"
  violations=$((violations + 1))
}

# Reads violations from stdin, one a line.
violations_from() {
  local line
  while IFS= read -r line; do violation "$line"; done
}

finish() {
  if [ "$violations" -gt 0 ]; then
    echo "$violations violation(s)"
    exit 1
  fi
}

# The files of TREE that are ours, relative to it; arguments are find's tests. build/ and .git/ are left out.
files_of() {
  local tree=$1
  shift
  (cd "$tree" && find . \( -path ./build -o -path ./.git -o -path ./.cache \) -prune -o -type f \( "$@" \) -print | sed 's|^\./||' | sort)
}
