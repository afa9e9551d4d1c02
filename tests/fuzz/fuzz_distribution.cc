// SPDX-License-Identifier: Apache-2.0
//
// Distribution text: any text is a distribution or a sentence; a distribution has a mean that is a number and draws
// without end.
#include <cmath>

#include "router/core/check.h"
#include "router/core/draws.h"
#include "sim/distribution_text.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace homing;
  if (size == 0) return 0;
  const auto unit = data[0] % 2 == 0 ? sim::Unit::kDuration : sim::Unit::kBytes;
  const auto parsed = sim::parse_distribution(fuzz::text_of(data + 1, size - 1), unit);
  if (!parsed) {
    CHECK(!parsed.error().empty());
    return 0;
  }
  CHECK(!std::isnan(core::mean_of(*parsed)));
  for (std::uint64_t i = 0; i < 8; ++i) {
    core::DrawSequence draws =
        core::Draws(1, core::purpose("fuzz")).at({.high = i, .low = 0, .visit = 0, .attempt = 0});
    CHECK(!std::isnan(core::sample(*parsed, draws)));
  }
  return 0;
}
