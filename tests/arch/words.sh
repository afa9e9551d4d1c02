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

while IFS=$'\t' read -r where kind regex why; do
  [[ $where != '#'* && -n $where ]] || continue
  read -r -a patterns <<<"$where"
  violations_from < <(
    sed -E 's/^([^:]*):([0-9]+):/\1\t\2\t/' "$scratch/$kind" | awk -F'\t' '{ t = $0; sub(/^[^\t]*\t[^\t]*\t/, "", t); print t }' |
      grep -nE -- "$regex" | cut -d: -f1 | awk 'FNR == NR { hit[$1] = 1; next } FNR in hit' - "$scratch/$kind" |
      while IFS= read -r hit; do
        path=${hit%%:*}
        selected=no
        set -f
        for pattern in "${patterns[@]}"; do
          # shellcheck disable=SC2053
          if [[ $pattern == '!'* ]]; then
            if [[ $path == ${pattern#!} ]]; then selected=no; fi
          elif [[ $path == $pattern ]]; then selected=yes; fi
        done
        set +f
        [ $selected = no ] || printf '%s: %s\n' "${hit:0:140}" "$why"
      done
  )
done <"$rules"
finish
