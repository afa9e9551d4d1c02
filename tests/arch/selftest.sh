#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Shows that each gate can fail: builds a small clean tree that every gate passes, then breaks one rule at a time in a
# fresh copy and requires the gate to fail and to name the place.
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
bad=0

clean_tree() {
  rm -rf "$scratch/t"
  mkdir -p "$scratch"/t/{router/core,router/base,router/net,sim,gui/charts,tests/core}
  cd "$scratch/t"
  local file
  for file in router/core/a.cc router/core/a.h router/base/b.cc router/base/b.h router/net/n.cc sim/s.cc sim/s.h tests/core/a_test.cc; do
    printf '// SPDX-License-Identifier: Apache-2.0\n#include <string>\n' >$file
  done
  printf '// SPDX-License-Identifier: GPL-3.0-only\n#include <QChart>\n' >gui/charts/g.cc
  printf '\n#include "router/core/a.h"\n' >>router/base/b.cc
  for file in router router/core router/base router/net sim gui tests; do echo "what it is" >$file/README.md; done
  echo licence | tee LICENSE >gui/LICENSE
  cat >facts.txt <<'TXT'
target homing_core STATIC_LIBRARY router/core
source homing_core router/core/a.cc
header homing_core router/core/a.h
target homing_base STATIC_LIBRARY router/base
link homing_base homing_core
source homing_base router/base/b.cc
header homing_base router/base/b.h
target homing_net STATIC_LIBRARY router/net
link homing_net homing_base
source homing_net router/net/n.cc
target homing_sim STATIC_LIBRARY sim
source homing_sim sim/s.cc
header homing_sim sim/s.h
source homing_gui_charts gui/charts/g.cc
target core_tests EXECUTABLE tests/core
link core_tests homing_core
source core_tests tests/core/a_test.cc
TXT
}

# breaks GATE EXPECTED: the gate must fail on the tree as it now is and print EXPECTED (a part of a line).
breaks() {
  local gate=$1 expected=$2 output status=0
  shift 2
  output=$("$here/$gate.sh" "$scratch/t" "$scratch/t/facts.txt" "$@" 2>&1) || status=$?
  if [ $status -ne 1 ]; then
    echo "$gate did not fail (exit $status) where it should have said: $expected"; bad=1
  elif [[ $output != *"$expected"* ]]; then
    echo "$gate failed without saying: $expected"; printf '  it said: %s\n' "$output"; bad=1
  fi
  clean_tree
}

# A stand-in for ninja, so that the part of core_includes that asks it for opened files can be shown both ways.
mkdir -p "$scratch/bin" "$scratch/build"
printf '#!/bin/sh\ncat "%s/deps"\n' "$scratch" >"$scratch/bin/ninja"
chmod +x "$scratch/bin/ninja"
PATH=$scratch/bin:$PATH
good_deps() {
  printf 'router/core/CMakeFiles/homing_core.dir/a.cc.o: #deps 2 (VALID)\n    %s\n    /usr/include/c++/12/string\n\nother.o: #deps 1\n    /usr/include/boost/asio.hpp\n' \
    "$scratch/t/router/core/a.cc" >"$scratch/deps"
}

clean_tree
good_deps
for gate in links listed core_includes words licences formatting; do
  "$here/$gate.sh" "$scratch/t" "$scratch/t/facts.txt" >"$scratch/out" 2>&1 || { echo "$gate fails on a clean tree:"; cat "$scratch/out"; bad=1; }
done
"$here/core_includes.sh" "$scratch/t" "$scratch/t/facts.txt" "$scratch/build" || { echo "core_includes fails on clean dependencies"; bad=1; }

echo 'link homing_core homing_base' >>facts.txt; breaks links 'homing_core must not see homing_base'
echo 'link homing_net homing_sim' >>facts.txt; breaks links 'homing_net must not see homing_sim'
echo 'link homingctl homing_sim' >>facts.txt; breaks links 'homingctl must not see homing_sim'
echo 'link homing_new homing_core' >>facts.txt; breaks links 'homing_new is not in'
echo '#include "sim/s.h"' >>router/net/n.cc; breaks links 'router/net/n.cc:3: homing_net must not see homing_sim'
echo 'source homing_sim router/core/a.cc' >>facts.txt; breaks links 'router/core/a.cc: compiled by homing_core and by homing_sim'

: >router/core/new.cc; breaks listed 'router/core/new.cc: no target'
: >tests/core/new_test.cc; breaks listed 'tests/core/new_test.cc: no target'
sed -i 's/core_tests tests/homing_core tests/' facts.txt; breaks listed 'ctest does not run'
: >router/core/new.h; breaks listed 'router/core/new.h: in no header set'
rm router/base/README.md; breaks listed 'router/base: no README.md'

for header in thread boost/asio.hpp random sqlite3.h iostream; do
  echo "#include <$header>" >>router/core/a.h; breaks core_includes "router/core/a.h:3: includes $header"
done
echo '#include "router/base/b.h"' >>router/core/a.cc; breaks core_includes 'router/core/a.cc:3: includes router/base/b.h'
for opened in /usr/include/boost/asio.hpp /usr/include/x86_64-linux-gnu/sys/socket.h "$scratch/t/router/base/b.h" /usr/include/sqlite3.h; do
  good_deps
  printf 'router/core/CMakeFiles/homing_core.dir/b.cc.o: #deps 1 (VALID)\n    %s\n' "$opened" >>"$scratch/deps"
  breaks core_includes "opens $opened" "$scratch/build"
done

core_words=('auto t = std::chrono::steady_clock::now();' 'std::random_device seed;' 'std::mutex m;' 'double x = std::log(2.0);' 'std::cout << 1;'
  '#ifdef HOMING_SIM' 'if (simulated) return;' 'boost::asio::io_context io;' 'auto t = absl::Now();' 'assert(true);' 'int x;  // TO''DO: later' '// see /wor''k/x/y')
for word in "${core_words[@]}"; do
  echo "$word" >>router/core/a.cc; breaks words 'router/core/a.cc:3:'
done
echo 'std::normal_distribution<double> d;' >>sim/s.cc; breaks words 'sim/s.cc:3:'
echo '#include <QChart>' >>gui/g.h; breaks words 'only gui/charts includes Qt Charts'
echo '// std::mutex in a comment is not a use' >>router/core/a.cc
"$here/words.sh" "$scratch/t" "$scratch/t/facts.txt" || { echo "words reads comments as code"; bad=1; }
clean_tree

sed -i 1d router/core/a.cc; breaks licences 'router/core/a.cc'
sed -i 's/GPL-3.0-only/Apache-2.0/' gui/charts/g.cc; breaks licences 'gui/charts/g.cc'
rm gui/LICENSE; breaks licences 'gui/LICENSE'
mkdir bench && printf '// SPDX-License-Identifier: GPL-2.0-only\n#include "sim/s.h"\n' >bench/ns3_x.cc; breaks licences 'bench/ns3_x.cc:2'

echo 'int   x ;' >>router/core/a.cc; breaks formatting 'router/core/a.cc: '

[ $bad -eq 0 ] && echo "every gate passes the clean tree and fails on each broken rule"
exit $bad
