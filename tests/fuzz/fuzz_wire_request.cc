// SPDX-License-Identifier: Apache-2.0
//
// A request's head: the verdict does not depend on the split, what is accepted keeps its promises and survives being
// written and read again.
#include <string>

#include "router/core/check.h"
#include "router/wire/text.h"
#include "router/wire/write.h"
#include "tests/fuzz/wire_inputs.h"

namespace {

using namespace homing;

void check_accepted(const wire::RequestHead& head) {
  CHECK(head.fields().size() <= wire::kMaxFields);
  CHECK(head.target().size() <= wire::kMaxTargetBytes);
  CHECK(head.target() == "*" || head.target().starts_with('/'));
  CHECK(head.fields().count(wire::Name::kHost) == 1 && wire::is_host(head.host()));
  CHECK(wire::is_token(head.method_text()));
  const bool chunked = head.framing().kind == wire::BodyKind::kChunked;
  CHECK(chunked == (head.fields().count(wire::Name::kTransferEncoding) == 1));
  CHECK(!(chunked && head.fields().has(wire::Name::kContentLength)));
  CHECK(head.upgrade().empty() || (!head.has_body() && head.method() == wire::Method::kGet));
  for (std::size_t i = 0; i < head.fields().size(); ++i) {
    CHECK(wire::is_token(head.fields().name(head.fields()[i])));
    CHECK(!wire::has_control(head.fields().value(head.fields()[i])));
  }
}

void check_round_trip(const wire::RequestHead& head) {
  wire::RequestPlan plan;
  plan.upgrade = true;
  std::string once;
  CHECK(wire::write_request(head, plan, once));
  wire::RequestHead again;
  const wire::Parsed parsed = again.parse(once);
  CHECK(parsed.done() || fuzz::outgrew_limits(once));
  if (!parsed.done()) return;
  CHECK(parsed.size == once.size());
  CHECK(again.method() == head.method() && again.target() == head.target() && again.host() == head.host());
  CHECK(again.framing() == head.framing() && again.upgrade() == head.upgrade());
  std::string twice;
  CHECK(wire::write_request(again, plan, twice));
  CHECK(once == twice);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::SplitInput input = fuzz::split_input(data, size);
  wire::RequestHead whole;
  const wire::Parsed at_once = whole.parse(input.message);
  wire::RequestHead split;
  wire::Parsed in_two = split.parse(input.message.substr(0, input.split));
  if (in_two.state == wire::Parsed::State::kMore) in_two = split.parse(input.message);
  CHECK(in_two.state == at_once.state && in_two.size == at_once.size && in_two.status == at_once.status);
  CHECK(in_two.why == at_once.why);
  if (!at_once.done()) return 0;
  check_accepted(whole);
  CHECK(whole.trust() == split.trust() && whole.keep_alive() == split.keep_alive());
  check_round_trip(whole);
  return 0;
}
