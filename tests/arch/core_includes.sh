#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Gate: what the core includes. Every #include line in router/core is on the list of core_includes.txt, and everything
# that the compiler really opened for the core, through however many headers, is ours in router/core, the standard
# library, libc, the compiler's own, Abseil or Random123.
#   core_includes.sh TREE FACTS BUILD     BUILD is a build folder of ninja where the core has been built; '' skips that part
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
tree=$1 build=${3:-} list=$(dirname "${BASH_SOURCE[0]}")/core_includes.txt

violations_from < <(
  cd "$tree"
  files_of . -path './router/core/*' -name '*.cc' -o -path './router/core/*' -name '*.h' -o -path './router/core/*' -name '*.in' |
    xargs -r grep -nE '^[[:space:]]*#[[:space:]]*include' | awk -v list="$list" '
      BEGIN { while ((getline line < list) > 0) if (line !~ /^#/) allowed[line] = 1 }
      {
        where = $0; sub(/:[^:]*#.*/, "", where)
        name = $0; sub(/.*include[ \t]*[<"]/, "", name); sub(/[>"].*/, "", name)
        if (name in allowed || name ~ /^router\/core\//) next
        print where ": includes " name ": the core may include only what tests/arch/core_includes.txt lists"
      }'
)

if [ -n "$build" ]; then
  opened=$(ninja -C "$build" -t deps | awk '/^[^ ]/ { ours = ($1 ~ /(^|\/)homing_core\.dir\//); next } ours && NF { print $1 }' | sort -u)
  [ -n "$opened" ] || violation "$build: ninja knows no dependencies of homing_core: build it first"
  top=$(cd "$tree" && pwd)
  violations_from < <(
    (cd "$build" && xargs -r realpath -m <<<"$opened") | sort -u | awk -v top="$top" -v build="$(cd "$build" && pwd)" '
      index($0, top "/router/core/") == 1 || index($0, build "/router/core/") == 1 { next }
      /^\/usr\/include\/(c\+\+|x86_64-linux-gnu\/c\+\+|absl|Random123)\// { next }
      /^\/usr\/lib\/(gcc|llvm-[0-9]+\/lib\/clang)\// { next }
      /^\/usr\/include\/(x86_64-linux-gnu\/)?(bits|gnu|asm|asm-generic|linux)\// { next }
      # libc headers that libstdc++ and Abseil open themselves; a socket, a poll or a directory is not among them.
      /^\/usr\/include\/(alloca|assert|byteswap|ctype|endian|errno|features|features-time64|inttypes|libintl|limits|locale|malloc|math|memory|poll|pthread|sched|semaphore|signal|stdc-predef|stdint|stdio|stdlib|string|strings|syscall|time|unistd|wchar|wctype)\.h$/ { next }
      /^\/usr\/include\/x86_64-linux-gnu\/sys\/(cdefs|mman|param|poll|select|single_threaded|syscall|time|types|ucontext)\.h$/ { next }
      { print "router/core: opens " $0 ", through some header: the core may reach only std, Abseil containers and Random123" }'
  )
fi
finish
