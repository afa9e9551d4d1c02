#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Gate: words.txt, which lists what must not stand where, and why.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
tree=$1 rules=${3:-$(dirname "${BASH_SOURCE[0]}")/words.txt}

# Every line that is read, as `path:line:text`, once with and once without comments.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
files_of "$tree" -name '*.cc' -o -name '*.h' -o -name '*.in' -o -name '*.cmake' -o -name CMakeLists.txt -o -name '*.sh' \
  -o -name '*.toml' -o -name '*.md' -o -name dev -o -name '*.json' -o -name '*.sql' -o -name 'packages.txt' -o -path './.ci/*' |
  grep -vE '^tests/arch/(words\.txt|selftest\.sh)$' >"$scratch/files"
(cd "$tree" && xargs -r -a "$scratch/files" grep -nH '') >"$scratch/text" || true
# A // inside a string literal survives: only what follows a // that is not behind ':' or '"' goes.
grep -E '^[^:]*\.(cc|h|in):' "$scratch/text" | sed -E 's@^([^:]*:[0-9]+:)[[:space:]]*//.*@\1@; s@([[:space:];{}])//.*@\1@' >"$scratch/code" || true

# The files that a rule's patterns select; the last pattern that matches a path decides.
selected_by() {
  local path pattern yes
  set -f
  while IFS= read -r path; do
    yes=no
    for pattern in $1; do
      # shellcheck disable=SC2053
      if [[ $pattern == '!'* ]]; then
        if [[ $path == ${pattern#!} ]]; then yes=no; fi
      elif [[ $path == $pattern ]]; then yes=yes; fi
    done
    [ $yes = no ] || printf '%s\n' "$path"
  done
  set +f
}

sed -E 's@^\./@@' "$scratch/files" | sort -u >"$scratch/paths"
while IFS=$'\t' read -r where kind regex why; do
  [[ $where != '#'* && -n $where ]] || continue
  selected_by "$where" <"$scratch/paths" >"$scratch/selected"
  # Only the lines of those files, then only their text is searched: a path is no violation.
  awk 'FNR == NR { want[$0] = 1; next } { path = $0; sub(/:.*/, "", path) } path in want' \
    "$scratch/selected" "$scratch/$kind" >"$scratch/part"
  violations_from < <(
    sed -E 's/^[^:]*:[0-9]+://' "$scratch/part" | { grep -nE -- "$regex" || true; } | cut -d: -f1 |
      awk -v why="$why" 'FNR == NR { hit[$1] = 1; next } FNR in hit { print substr($0, 1, 140) ": " why }' - "$scratch/part"
  )
done <"$rules"
finish
