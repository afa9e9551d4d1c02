#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Gate: nothing of libm but sqrt decides in the simulator. glibc's log, exp, pow and sin give other bits on processors
# without FMA, and a fingerprint must not. Left out are the object files named in libm_allowed.txt: they make figures for
# people after a run, and no figure enters a fingerprint.
#   libm.sh TREE FACTS libhoming_sim.a
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
archive=$3 exempt=${4:-$(dirname "${BASH_SOURCE[0]}")/libm_allowed.txt}
[ -s "$archive" ] || { echo "$archive: not there: build it first"; exit 1; }

# Exactly specified by IEEE 754, so the same everywhere: sqrt, fma is not used (-ffp-contract=off), rounding is exact.
inexact='(a?(sin|cos|tan)h?|atan2|sincos|exp|exp2|exp10|expm1|log|log2|log10|log1p|pow|cbrt|hypot|erfc?|[tl]gamma(_r)?|j[01n]|y[01n])[fl]?'
violations_from < <(
  nm -A --undefined-only "$archive" | awk -v inexact="^$inexact(@.*)?$" -v exempt="$exempt" '
    BEGIN { while ((getline line < exempt) > 0) if (line !~ /^#/ && line != "") allowed[line ".o"] = 1 }
    $NF ~ inexact {
      object = $1; sub(/:$/, "", object); sub(/.*:/, "", object)
      if (!(object in allowed)) print object ": needs " $NF " of libm: use router/core/exact_math.h, or list the file in tests/arch/libm_allowed.txt if no decision depends on it"
    }'
)
finish
