// SPDX-License-Identifier: Apache-2.0
//
// CHECK: an invariant that is verified in every build type. `assert` disappears with NDEBUG, which RelWithDebInfo
// defines; a routing decision made on a broken invariant is worse than a crash, so ours stay.
// Thread class: stateless.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace homing::core {

[[noreturn]] inline void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace homing::core

#define CHECK(condition) \
  (static_cast<bool>(condition) ? static_cast<void>(0) : ::homing::core::check_failed(#condition, __FILE__, __LINE__))
