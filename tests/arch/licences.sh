#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Gate: every source says its licence in its first two lines, and the right one: GPL-3.0-only in gui/ (Qt Charts) and
# its tests, which link it, GPL-2.0-only for the one benchmark that links ns-3 and nothing of ours, Apache-2.0 everywhere
# else. What is GPL-2.0-only includes no header of this tree.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
tree=$1

violations_from < <(
  files_of "$tree" -name '*.cc' -o -name '*.h' -o -name '*.in' -o -name '*.sh' -o -name '*.cmake' -o -name CMakeLists.txt -o -name '*.sql' -o -name dev |
    while IFS= read -r file; do
      case "$file" in gui/* | tests/gui/*) licence=GPL-3.0-only ;; bench/ns3_*) licence=GPL-2.0-only ;; *) licence=Apache-2.0 ;; esac
      head -n 2 "$tree/$file" | grep -qE "(//|#|--) SPDX-License-Identifier: $licence\$" ||
        echo "$file: its first lines lack \`SPDX-License-Identifier: $licence\`"
    done
)
violations_from < <(
  grep -nE '#include *"' "$tree"/bench/ns3_*.cc /dev/null 2>/dev/null | sed "s|^$tree/||; s|\$|: GPL-2.0-only, so it may include nothing of this tree|" || true
)
for file in LICENSE gui/LICENSE; do
  [ ! -d "$tree/$(dirname $file)" ] || [ -s "$tree/$file" ] || violation "$file: the licence's text is missing"
done
finish
