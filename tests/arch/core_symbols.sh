#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Gate: what the core calls. Every symbol that the archive (or object files) needs from outside is on the list below: no
# clock, socket, thread, entropy, Boost, absl::Now, absl::BitGen, and nothing of libm but sqrt.
#   core_symbols.sh TREE FACTS libhoming_core.a
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
archive=$3
[ -s "$archive" ] || { echo "$archive: not there: build homing_core first"; exit 1; }

needed=$(nm -C -A --undefined-only "$archive" |
  sed -E 's/^([^ ]*):[[:space:]]+[UwWvV] /\1 /; s/absl::(debian|lts_)[0-9]+::/absl::/g')
[ -n "$needed" ] || violation "$archive: nm shows no symbol at all"

# Allowed, by their demangled beginnings. Of libstdc++ only containers, strings, exceptions and their helpers.
allowed='^(homing::core::|(non-virtual thunk|vtable|typeinfo|typeinfo name|VTT|guard variable) for (homing::core::|__cxxabiv1::|std::(bad_|exception|logic_error|out_of_range|invalid_argument|length_error|runtime_error))'
allowed+='|operator (new|delete)(\[\])?\(|__cxa_|__gxx_personality_v0|_Unwind_|__stack_chk_fail|__assert_fail|abort$|_GLOBAL_OFFSET_TABLE_|__dso_handle|DW\.ref|__tls_get_addr'
allowed+='|(mem(cpy|move|set|cmp|chr)|bcmp|str(len|cmp|ncmp|chr))$|(fprintf|stderr|fputs|fwrite|fputc|snprintf)$|sqrt$'
allowed+='|std::(allocator<|__throw_|terminate|exception|bad_|logic_error|out_of_range|invalid_argument|length_error|runtime_error|__cxx11::(basic_string|to_string)|_Rb_tree_|__detail::|_Hash_bytes|_Prime|__glibcxx_assert_fail|uncaught|nothrow|to_chars|from_chars|rethrow|__exception_ptr|type_info|from_chars)'
allowed+='|(char|void|bool|int|long|unsigned|auto|decltype).* (std::(__cxx11::basic_string|__detail::|to_chars|from_chars)|homing::core::|absl::.*container_internal::)'
allowed+='|([^ ]+ )?absl::(container_internal::|hash_internal::|base_internal::Throw|strings_internal::)'

# Random123's array.h includes <iostream>, whose static initialiser is harmless: no stream may be named.
allowed+='|std::ios_base::Init::~?Init\(\))'

violations_from < <(
  while read -r where symbol; do
    [[ $symbol =~ $allowed ]] || echo "${where##*/}: needs $symbol: the core may not (tests/arch/core_symbols.sh)"
  done <<<"$needed" | sort -u
)
finish
