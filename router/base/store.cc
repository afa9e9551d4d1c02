// SPDX-License-Identifier: Apache-2.0
#include "router/base/store.h"

#include <fmt/format.h>

#include "router/core/decision.h"

namespace homing::base {
namespace {

fmt::string_view word(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

core::Row empty_row(const core::RowKey& key) {
  switch (key.kind) {
    case core::RowKind::kNode: {
      core::NodeRow row;
      row.node = core::NodeId(static_cast<std::uint32_t>(key.lo));
      return row;
    }
    case core::RowKind::kSession: {
      core::SessionRow row;
      row.session = core::SessionId{key.hi, key.lo};
      return row;
    }
    case core::RowKind::kUser: {
      core::UserRow row;
      row.user = core::UserId(key.lo);
      return row;
    }
    case core::RowKind::kQueue:
      break;
  }
  core::QueueRow row;
  row.session = core::SessionId{key.hi, key.lo};
  return row;
}

std::string describe(const core::Row& row) {
  if (const auto* node = std::get_if<core::NodeRow>(&row)) {
    return fmt::format("node {} incarnation {} lease {} {} {}", node->node.value, node->incarnation.value, node->lease,
                       word(core::to_string(node->life)), word(core::to_string(node->admin)));
  }
  if (const auto* session = std::get_if<core::SessionRow>(&row)) {
    return fmt::format("session {} epoch {} {} on node {}", to_hex(session->session), session->epoch.value,
                       word(core::to_string(session->state)), session->node.value);
  }
  if (const auto* user = std::get_if<core::UserRow>(&row)) {
    return fmt::format("user {:016x} has {} live sessions", user->user.value, user->live);
  }
  const auto& ticket = std::get<core::QueueRow>(row);
  return fmt::format("queue {} ticket {} {}", to_hex(ticket.session), ticket.ticket.value,
                     ticket.waiting ? "waiting" : "gone");
}

std::string to_hex(const core::SessionId& id) {
  return fmt::format("{:016x}{:016x}", id.hi, id.lo);
}

bool from_hex(const std::string& text, core::SessionId& id) {
  if (text.size() != 32) return false;
  std::uint64_t words[2] = {0, 0};
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    std::uint64_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<std::uint64_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<std::uint64_t>(c - 'a' + 10);
    } else {
      return false;
    }
    words[i / 16] = words[i / 16] << 4 | digit;
  }
  id = core::SessionId{words[0], words[1]};
  return true;
}

}  // namespace homing::base
