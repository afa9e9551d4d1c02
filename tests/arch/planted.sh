#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Shows that the core's gates bite on the real core: copies router/core, plants one forbidden thing at a time in a source
# of the copy, compiles it with the build's own command line, puts the object into a copy of the archive, and requires the
# gate to fail. The control is the copy without a plant.
#   planted.sh TREE BUILD
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tree=$(cd "$1" && pwd) build=$(cd "$2" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
bad=0

source=router/core/resolve.cc
command=$(sed -n '/"command":.* -c [^ ]*\/router\/core\/resolve\.cc"/{s/^ *"command": "//;s/",$//;p}' "$build/compile_commands.json")
[ -n "$command" ] || { echo "$build/compile_commands.json does not compile $source: build the tree first"; exit 1; }
# The same command, but on the copy and without ccache in front.
command=${command#*ccache }
command=${command//-I$tree /-I$scratch/t }
command=$(sed -E "s| -o [^ ]+ -c .*| -o $scratch/resolve.cc.o -c $scratch/t/$source|; s| -M[DTF]( [^ ]+\.[od])?||g" <<<"$command")

fresh_copy() {
  rm -rf "$scratch/t"
  mkdir -p "$scratch/t/router"
  cp -r "$tree/router/core" "$scratch/t/router/core"
  cp "$build/router/core/libhoming_core.a" "$scratch/core.a"
}

gates_on_copy() { # prints what the gates say; 1 when one failed
  local status=0
  "$here/core_includes.sh" "$scratch/t" /dev/null || status=1
  "$here/words.sh" "$scratch/t" /dev/null || status=1
  # What does not compile is not in an archive; the two gates above must then have spoken.
  if (cd "$build" && eval "$command") >"$scratch/compile" 2>&1; then
    ar r "$scratch/core.a" "$scratch/resolve.cc.o" 2>/dev/null
    "$here/core_symbols.sh" "$scratch/t" /dev/null "$scratch/core.a" || status=1
  else
    echo "(the compiler refuses the planted source: $(grep -m 1 error "$scratch/compile"))"
  fi
  return $status
}

fresh_copy
gates_on_copy >"$scratch/out" 2>&1 || { echo "the core without a plant fails:"; cat "$scratch/out"; bad=1; }

plant() { # NAME EXPECTED CODE: the gates must fail and say each word of EXPECTED
  local name=$1 expected=$2 word output status=0
  fresh_copy
  printf '%s\n' "$3" >>"$scratch/t/$source"
  output=$(gates_on_copy 2>&1) || status=1
  if [ $status -eq 0 ]; then echo "planted $name: no gate failed"; printf '%s\n' "$output"; bad=1; return; fi
  for word in $expected; do
    if [[ $output != *"$word"* ]]; then echo "planted $name: no gate said '$word'"; printf '%s\n' "$output"; bad=1; fi
  done
  printf 'planted %s: the gates say\n%s\n\n' "$name" "$(grep -v 'violation(s)' <<<"$output" | sed "s|$scratch/t/||; s/^/  /")"
}

plant 'a clock call' 'steady_clock needs' '#include <chrono>
namespace homing::core { long planted() { return std::chrono::steady_clock::now().time_since_epoch().count(); } }'
plant 'std::random_device' 'random_device includes' '#include <random>
namespace homing::core { unsigned planted() { std::random_device device; return device(); } }'
plant 'a Boost include' 'boost/asio/io_context.hpp' '#include <boost/asio/io_context.hpp>
namespace homing::core { void planted() { boost::asio::io_context context; context.run(); } }'
plant 'std::log' 'log needs' '#include <cmath>
namespace homing::core { double planted(double x) { return std::log(x); } }'
plant 'a log that no word gate reads' 'log needs' 'extern "C" double log(double);
namespace homing::core { double planted(double x) { return (log)(x); } }'
plant 'a thread' 'thread' '#include <thread>
namespace homing::core { void planted() { std::thread([] {}).join(); } }'
plant 'a socket' 'socket needs' 'extern "C" int socket(int, int, int);
namespace homing::core { int planted() { return socket(1, 1, 0); } }'

exit $bad
