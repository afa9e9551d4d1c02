#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Gate: dependencies point one way. Every link between our targets, and every #include "..." between the files of our
# targets, is an arrow that arrows.txt allows; no source belongs to two rooms, so the core is compiled once.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
tree=$1 facts=$2 arrows=${3:-$(dirname "${BASH_SOURCE[0]}")/arrows.txt}

# allowed FROM TO: 0 when arrows.txt lets FROM see TO; 2 when it does not know FROM.
declare -A verdicts=()
mapfile -t rows < <(grep -v '^#' "$arrows")
allowed() {
  local from=$1 to=$2 row pattern words word
  [ "$from" != "$to" ] || return 0
  if [ -n "${verdicts[$from>$to]:-}" ]; then return "${verdicts[$from>$to]}"; fi
  local verdict=2
  for row in "${rows[@]}"; do
    pattern=${row%%:*} words=${row#*:}
    # shellcheck disable=SC2053  # both sides are meant as patterns
    if [[ $from == $pattern ]]; then
      verdict=1
      set -f
      for word in $words; do
        if [[ $to == $word ]]; then verdict=0; fi
      done
      set +f
      break
    fi
  done
  verdicts[$from>$to]=$verdict
  return "$verdict"
}

check() { # FROM TO WHERE
  local verdict=0
  allowed "$1" "$2" || verdict=$?
  case $verdict in
    1) violation "$3: $1 must not see $2: see tests/arch/arrows.txt" ;;
    2) violation "$3: the target $1 is not in tests/arch/arrows.txt: give it a row" ;;
  esac
}

while read -r kind from to; do
  if [ "$kind" = link ]; then check "$from" "$to" "CMakeLists.txt of $from"; fi
done <"$facts"

# Owner of each file, then every include of a file that has an owner.
mapfile -t files < <(awk '$1 == "source" || $1 == "header" { print $3 }' "$facts" | sort -u | while read -r file; do
  [ ! -f "$tree/$file" ] || echo "$file"
done)
[ -s "$facts" ] || violation "$facts: empty: configure the tree first"
while read -r from to where; do
  check "$from" "$to" "$where"
done < <(
  cd "$tree"
  awk '
    FILENAME == ARGV[1] {
      if ($1 == "source" || $1 == "header") {
        owner[$3] = $2
      }
      next
    }
    match($0, /^[ \t]*#[ \t]*include[ \t]+"[^"]+"/) {
      text = $0; sub(/^[^"]*"/, "", text); sub(/".*/, "", text)
      if ((FILENAME in owner) && (text in owner)) print owner[FILENAME], owner[text], FILENAME ":" FNR
    }
  ' "$facts" "${files[@]}"
)

violations_from < <(
  awk '$1 == "source" && $3 !~ /^bench\/bench_main[.]cc$/ {
    if ($3 in owner) print $3 ": compiled by " owner[$3] " and by " $2 ": a source belongs to one target"
    owner[$3] = $2
  }' "$facts"
)
finish
