// SPDX-License-Identifier: Apache-2.0
//
// The PROXY protocol: the verdict does not depend on the split, and no header is longer than its limits.
#include "router/core/check.h"
#include "router/wire/proxy_header.h"
#include "tests/fuzz/wire_inputs.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace homing;
  const fuzz::SplitInput input = fuzz::split_input(data, size);
  wire::ProxyHeader whole;
  const wire::ProxyHeader::Result at_once = whole.parse(input.message);
  wire::ProxyHeader split;
  wire::ProxyHeader::Result in_two = split.parse(input.message.substr(0, input.split));
  if (in_two.state == wire::ProxyHeader::State::kMore) in_two = split.parse(input.message);
  CHECK(in_two.state == at_once.state && in_two.size == at_once.size && in_two.why == at_once.why);
  CHECK(at_once.state != wire::ProxyHeader::State::kMore || input.message.size() < 16 + wire::kMaxProxyBytes);
  if (at_once.state != wire::ProxyHeader::State::kDone) return 0;
  CHECK(at_once.size <= input.message.size() && at_once.size <= 16 + wire::kMaxProxyBytes);
  CHECK(!input.message.starts_with('P') || at_once.size <= wire::kMaxProxyLine);
  CHECK(split.family() == whole.family() && split.source() == whole.source());
  CHECK(whole.family() != wire::ProxyHeader::Family::kNone || whole.source() == wire::ProxyAddress{});
  return 0;
}
