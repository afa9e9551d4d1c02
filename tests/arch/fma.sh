#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Shows that the setting under which fingerprint tests run a second time has an effect: on a processor with FMA, libm's
# results differ with and without it. Exit 77 (skipped) on a processor without FMA, where there is nothing to take away.
#   fma.sh PROBE GLIBC_TUNABLES=...
set -euo pipefail
grep -qw fma /proc/cpuinfo || { echo "this processor has no FMA"; exit 77; }
with=$("$1") without=$(env "$2" "$1")
echo "with FMA $with, without $without"
[ "$with" != "$without" ] || { echo "$2 changes nothing: has this glibc other names for it?"; exit 1; }
