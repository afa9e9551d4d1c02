// SPDX-License-Identifier: Apache-2.0
//
// An answer's head: the verdict does not depend on the split, and what is accepted survives being written and read
// again.
#include <string>

#include "router/core/check.h"
#include "router/wire/text.h"
#include "router/wire/write.h"
#include "tests/fuzz/wire_inputs.h"

namespace {

using namespace homing;

void check_round_trip(const wire::AnswerHead& head, wire::Method asked) {
  wire::AnswerPlan plan;
  plan.keep_homing_fields = true;
  std::string once;
  CHECK(wire::write_answer(head, plan, once));
  wire::AnswerHead again;
  const wire::Parsed parsed = again.parse(once, asked);
  CHECK(parsed.done() || fuzz::outgrew_limits(once));
  if (!parsed.done()) return;
  CHECK(parsed.size == once.size());
  CHECK(again.status() == head.status() && again.upgrade() == head.upgrade());
  CHECK(again.framing() == wire::answer_framing(head, wire::Version::k11));
  CHECK(again.trust() == wire::Trust::kPlain);
  std::string twice;
  CHECK(wire::write_answer(again, plan, twice));
  CHECK(once == twice);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::SplitInput input = fuzz::split_input(data, size);
  const wire::Method asked = input.choice % 4 == 0 ? wire::Method::kHead : wire::Method::kGet;
  wire::AnswerHead whole;
  const wire::Parsed at_once = whole.parse(input.message, asked);
  wire::AnswerHead split;
  wire::Parsed in_two = split.parse(input.message.substr(0, input.split), asked);
  if (in_two.state == wire::Parsed::State::kMore) in_two = split.parse(input.message, asked);
  CHECK(in_two.state == at_once.state && in_two.size == at_once.size && in_two.why == at_once.why);
  CHECK(!at_once.refused() || at_once.status == 502);
  if (!at_once.done()) return 0;
  CHECK(whole.status() >= 100 && whole.status() <= 999);
  CHECK(whole.fields().size() <= wire::kMaxFields);
  CHECK(asked != wire::Method::kHead || whole.framing().kind == wire::BodyKind::kNone);
  CHECK(whole.framing() == split.framing() && whole.trust() == split.trust());
  check_round_trip(whole, asked);
  return 0;
}
