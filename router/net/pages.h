// SPDX-License-Identifier: Apache-2.0
//
// What the router itself says to people and programs: home, waiting, lost, refused, sign in. The same facts as HTML for
// a browser that loads a page and as JSON for everything else; programs tell them apart by the header `Homing-Reason`.
// Thread class: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "router/core/decision.h"
#include "router/core/effect.h"
#include "router/net/status.h"

namespace homing::net {

struct Reply {
  Status status = Status::kOk;
  std::string type = "text/html; charset=utf-8";
  std::string body;
  std::string reason;     // Homing-Reason; empty: none
  int retry_after_s = 0;  // 0: no such header
  std::vector<std::pair<std::string, std::string>> fields;
};

// Why a request was not handed on: one word for programs, a sentence for people.
struct Trouble {
  Status status = Status::kServiceUnavailable;
  std::string reason;  // "starting", "queued", "lost", ...
  std::string title;
  std::string text;
  int retry_after_s = 0;
  bool reload = false;   // the page asks again by itself
  bool restart = false;  // show the owner's "start again" button
  std::string session;   // its id as text, for the button
};

Trouble trouble_of(const core::Answer& answer);
Trouble trouble_of(core::Refusal refusal, core::EndReason reason);
Reply trouble_page(const Trouble& trouble, bool html);
Reply see_other(std::string location);
Reply json_reply(Status status, std::string json);

struct HomeSession {
  std::string id;
  std::string kind;
  std::string state;
  std::string node;
  std::string note;
  bool open = false;  // a link makes sense
  bool restart = false;
};
struct HomeKind {
  std::string name;
  std::string title;
};
Reply home_page(std::string_view user, std::string_view node, const std::vector<HomeSession>& sessions,
                const std::vector<HomeKind>& kinds, std::string_view warning);
Reply sign_in_page(bool html);

std::string escape_html(std::string_view text);

}  // namespace homing::net
