// SPDX-License-Identifier: Apache-2.0
//
// What the tests of router/wire share: judging the same bytes in one piece, byte by byte and at every two-way split,
// and saying when that makes a difference.
// Thread class: single-owner.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "router/wire/answer_head.h"
#include "router/wire/request_head.h"

namespace homing::wire::test {

inline std::string words(const Parsed& parsed) {
  switch (parsed.state) {
    case Parsed::State::kMore:
      return "more";
    case Parsed::State::kDone:
      return "done " + std::to_string(parsed.size);
    case Parsed::State::kRefused:
      return "refused " + std::to_string(parsed.status) + " " + std::string(parsed.why);
  }
  return "?";
}

// Everything that later code can ask of a head.
inline std::string words(const RequestHead& head) {
  std::string out = std::string(head.method_text()) + " " + std::string(head.target()) +
                    (head.version() == Version::k11 ? " 1.1" : " 1.0") + " host=" + std::string(head.host()) +
                    " body=" + std::to_string(static_cast<int>(head.framing().kind)) + "/" +
                    std::to_string(head.framing().length) + (head.keep_alive() ? " keep" : " close") +
                    (head.trust() == Trust::kPlain ? "" : " once: " + std::string(head.oddity())) +
                    (head.expects_continue() ? " waits" : "") + " upgrade=" + std::string(head.upgrade()) + "\n";
  for (std::size_t i = 0; i < head.fields().size(); ++i) {
    const Field& field = head.fields()[i];
    out += std::string(head.fields().name(field)) + "=" + std::string(head.fields().value(field)) + " " +
           std::to_string(field.traits) + "\n";
  }
  return out;
}

inline std::string words(const AnswerHead& head) {
  std::string out = std::to_string(head.status()) + (head.version() == Version::k11 ? " 1.1" : " 1.0") +
                    " body=" + std::to_string(static_cast<int>(head.framing().kind)) + "/" +
                    std::to_string(head.framing().length) + (head.keep_alive() ? " keep" : " close") +
                    (head.trust() == Trust::kPlain ? "" : " once: " + std::string(head.oddity())) +
                    " upgrade=" + std::string(head.upgrade()) + "\n";
  for (std::size_t i = 0; i < head.fields().size(); ++i) {
    const Field& field = head.fields()[i];
    out += std::string(head.fields().name(field)) + "=" + std::string(head.fields().value(field)) + " " +
           std::to_string(field.traits) + "\n";
  }
  return out;
}

// Feeds growing prefixes of `raw`, ending where `cuts` say, until there is a verdict; returns it in words.
template <class Head, class... More>
std::string judged(std::string_view raw, const std::vector<std::size_t>& cuts, const More&... more) {
  Head head;
  Parsed parsed;
  for (const std::size_t cut : cuts) {
    parsed = head.parse(raw.substr(0, cut), more...);
    if (parsed.state != Parsed::State::kMore) break;
  }
  return words(parsed) + "\n" + (parsed.done() ? words(head) : std::string());
}

template <class Head, class... More>
void expect_same_at_every_split(std::string_view raw, const More&... more) {
  const std::string whole = judged<Head>(raw, {raw.size()}, more...);
  std::vector<std::size_t> each;
  for (std::size_t i = 1; i <= raw.size(); ++i) each.push_back(i);
  EXPECT_EQ(judged<Head>(raw, each, more...), whole) << "byte by byte: " << raw;
  if (raw.size() > 2000) return;
  for (std::size_t i = 1; i < raw.size(); ++i) {
    ASSERT_EQ(judged<Head>(raw, {i, raw.size()}, more...), whole) << "split at " << i << ": " << raw;
  }
}

// The status that a request is refused with, 0 when it is accepted, 1 when more is needed; the same at every split.
inline unsigned status_of(std::string_view raw, const RequestRules& rules = {}) {
  expect_same_at_every_split<RequestHead>(raw, rules);
  RequestHead head;
  const Parsed parsed = head.parse(raw, rules);
  return parsed.done() ? 0 : parsed.refused() ? parsed.status : 1;
}

}  // namespace homing::wire::test
