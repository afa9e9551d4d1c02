#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Gate: nothing is forgotten. Every .cc is compiled by a target, every *_test.cc by a *_tests program, every header of a
# room is in its header set (and so is compiled on its own), every folder that stands alone has a README.md.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
tree=$1 facts=$2

violations_from < <(
  files_of "$tree" -name '*.cc' | awk '
    FILENAME == ARGV[1] { if ($1 == "source") { owner[$3] = $2 }; next }
    /^tests\/planted\// { next }
    /^bench\/ns3_/ { next }  # a program of its own that `./dev bench sim` compiles
    !($0 in owner) { print $0 ": no target compiles it: list it in the CMakeLists.txt of its folder"; next }
    /_test[.]cc$/ && owner[$0] !~ /_tests$/ { print $0 ": compiled by " owner[$0] ", which ctest does not run: list it with homing_tests()" }
  ' "$facts" -
)
violations_from < <(
  files_of "$tree" -name '*.h' | grep -E '^(router|sim|gui)/' | awk '
    FILENAME == ARGV[1] { if ($1 == "header") owner[$3] = $2; next }
    !($0 in owner) { print $0 ": in no header set: list it under HEADERS of its homing_room()" }
  ' "$facts" - || true
)
for room in router router/core router/base router/wire router/net router/launcher sim gui scenarios bench tests; do
  if [ -d "$tree/$room" ] && [ ! -s "$tree/$room/README.md" ]; then
    violation "$room: no README.md: say in one screen what the room is for and where to begin"
  fi
done
finish
