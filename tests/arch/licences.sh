#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Gate: every source says its licence in its first two lines, and the right one: GPL-3.0-only in gui/ (Qt Charts) and
# its tests, which link it, Apache-2.0 everywhere else.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
tree=$1

violations_from < <(
  files_of "$tree" -name '*.cc' -o -name '*.h' -o -name '*.in' -o -name '*.sh' -o -name '*.cmake' -o -name CMakeLists.txt -o -name '*.sql' -o -name dev |
    while IFS= read -r file; do
      case "$file" in gui/* | tests/gui/*) licence=GPL-3.0-only ;; *) licence=Apache-2.0 ;; esac
      head -n 2 "$tree/$file" | grep -qE "(//|#|--) SPDX-License-Identifier: $licence\$" ||
        echo "$file: its first lines lack \`SPDX-License-Identifier: $licence\`"
    done
)
for file in LICENSE gui/LICENSE; do
  [ ! -d "$tree/$(dirname $file)" ] || [ -s "$tree/$file" ] || violation "$file: the licence's text is missing"
done
finish
