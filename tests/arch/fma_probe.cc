// SPDX-License-Identifier: Apache-2.0
//
// Prints a hash of a million results of libm's log, exp and sin, for fma.sh.
// Thread class: main thread only.
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <initializer_list>

int main() {
  std::uint64_t hash = 14695981039346656037U;
  std::uint64_t state = 1;
  for (int i = 0; i < 1000000; ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    const double x = static_cast<double>(state >> 11U) * 0x1p-50 + 1e-9;
    for (const double y : {std::log(x), std::exp(x), std::sin(x)}) {
      hash = (hash ^ std::bit_cast<std::uint64_t>(y)) * 1099511628211U;
    }
  }
  std::printf("%016llx\n", static_cast<unsigned long long>(hash));
  return 0;
}
