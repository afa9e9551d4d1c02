#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Gate: clang-format has nothing to change. `./dev format` mends it.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
tree=$1
cd "$tree"
violations_from < <(
  files_of . -name '*.cc' -o -name '*.h' | xargs -r clang-format-19 --dry-run 2>&1 |
    sed -n 's/^\([^ :]*\):\([0-9]*\):.*\[-Wclang-format-violations\]$/\1/p' | sort | uniq -c |
    awk '{ print $2 ": " $1 " place(s) differ from .clang-format: ./dev format" }'
)
finish
