// SPDX-License-Identifier: Apache-2.0
#include "router/net/pages.h"

#include <fmt/format.h>

#include <algorithm>

#include "router/base/json.h"

namespace homing::net {

namespace {

constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark;--ink:#1f2933;--soft:#617082;--line:#d9e0e7;--paper:#fbfcfd;--accent:#0b6e99}
@media(prefers-color-scheme:dark){:root{--ink:#e6ebf0;--soft:#9aa8b6;--line:#33404d;--paper:#161b21;--accent:#5db7dd}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:46rem;margin:4rem auto;padding:0 1.2rem}
h1{font-size:1.5rem;margin:0 0 .3rem}p{margin:.4rem 0 1rem}.soft{color:var(--soft)}
table{border-collapse:collapse;width:100%;margin:1rem 0}td,th{text-align:left;padding:.5rem .6rem .5rem 0;border-bottom:1px solid var(--line)}
th{font-weight:600;color:var(--soft);font-size:.85rem}a{color:var(--accent)}form{display:inline}
button{font:inherit;padding:.35rem .9rem;border:1px solid var(--accent);border-radius:.4rem;background:none;color:var(--accent);cursor:pointer;margin:0 .4rem .4rem 0}
.bar{height:3px;background:linear-gradient(90deg,var(--accent) 30%,var(--line) 30%);margin:1.2rem 0}.warn{border-left:3px solid #c77700;padding-left:.8rem}
)";

std::string page(std::string_view title, std::string_view head, std::string_view body) {
  return fmt::format(
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\"><title>{}</title>{}<style>{}</style></head><body>{}</body></"
      "html>\n",
      escape_html(title), head, kStyle, body);
}

std::string restart_button(std::string_view session) {
  return fmt::format("<form method=\"post\" action=\"/api/sessions/{}/restart\"><button>Start it again</button></form>",
                     session);
}

Trouble make(Status status, std::string reason, std::string title, std::string text) {
  Trouble trouble;
  trouble.status = status;
  trouble.reason = std::move(reason);
  trouble.title = std::move(title);
  trouble.text = std::move(text);
  return trouble;
}

Trouble soon(std::string reason, std::string title, std::string text, int seconds) {
  Trouble trouble = make(Status::kServiceUnavailable, std::move(reason), std::move(title), std::move(text));
  trouble.retry_after_s = seconds;
  trouble.reload = true;
  return trouble;
}

std::string because(core::EndReason reason) {
  return reason == core::EndReason::kNone ? std::string() : fmt::format(" The reason: {}.", core::to_string(reason));
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

Trouble trouble_of(const core::Answer& answer) {
  if (answer.outcome == core::Outcome::kRefused) return trouble_of(answer.refusal, answer.reason);
  if (answer.outcome == core::Outcome::kQueued) {
    return soon("queued", "Your session waits in line",
                fmt::format("It is number {} in line and starts as soon as there is room.", answer.position), 2);
  }
  if (answer.refusal != core::Refusal::kNone) {
    Trouble trouble = trouble_of(answer.refusal, answer.reason);
    trouble.reload = true;
    trouble.retry_after_s = 2;
    return trouble;
  }
  return soon("starting", "Your session is starting", "This page opens it as soon as it answers.", 1);
}

Trouble trouble_of(core::Refusal refusal, core::EndReason reason) {
  switch (refusal) {
    case core::Refusal::kNone:
      return soon("starting", "Your session is starting", "This page opens it as soon as it answers.", 1);
    case core::Refusal::kUnknownSession:
      return make(Status::kNotFound, "unknown-session", "There is no such session",
                  "The address may be mistyped, or the session ended long ago.");
    case core::Refusal::kNotOwner:
      return make(Status::kForbidden, "not-owner", "This session belongs to somebody else",
                  "Only its owner may open it.");
    case core::Refusal::kEnded:
      return make(Status::kGone, "ended", "This session is over", "It has ended." + because(reason));
    case core::Refusal::kLost: {
      Trouble lost = make(
          Status::kServiceUnavailable, "lost", "This session was lost",
          "Its process is gone, and what it held in memory with it. Files that were saved are safe." + because(reason));
      lost.restart = true;
      return lost;
    }
    case core::Refusal::kSuspended:
      return make(Status::kServiceUnavailable, "suspended", "This session is asleep", "Open its page to wake it.");
    case core::Refusal::kUserLimit:
      return make(Status::kTooManyRequests, "user-limit", "You have as many sessions as allowed",
                  "End one of them first.");
    case core::Refusal::kNoNode:
      return make(Status::kServiceUnavailable, "no-node", "No machine can run this",
                  "No machine of this cluster has what this kind of session needs." + because(reason));
    case core::Refusal::kQueueFull:
      return soon("queue-full", "Too many people are waiting", "Try again in a little while.", 10);
    case core::Refusal::kStartFailed: {
      Trouble failed = make(Status::kServiceUnavailable, "start-failed", "This session could not be started",
                            "It was tried and did not work." + because(reason));
      failed.restart = true;
      return failed;
    }
    case core::Refusal::kStoreAway:
      return soon("store-away", "Nothing new can start at the moment",
                  "The cluster's shared record does not answer. Sessions that run go on.", 5);
    case core::Refusal::kLeaseExpired:
      return soon("lease-expired", "This machine is out of touch",
                  "It could not renew its place in the cluster and starts nothing until it has.", 3);
    case core::Refusal::kOverloaded:
      return soon("overloaded", "This router is at its limit", "Try again in a little while.", 5);
    case core::Refusal::kUnknownKind:
      return make(Status::kNotFound, "unknown-kind", "There is no such kind of session",
                  "The home page lists those there are.");
    case core::Refusal::kTimelineChange:
      return soon("timeline-change", "The cluster is finding itself again",
                  "Its shared record was replaced a moment ago; starts wait a few seconds.", 3);
  }
  return make(Status::kServiceUnavailable, "unknown", "Something is wrong", "No reason was given.");
}

Reply json_reply(Status status, std::string json) {
  Reply reply;
  reply.status = status;
  reply.type = "application/json";
  reply.body = std::move(json) + "\n";
  return reply;
}

Reply see_other(std::string location) {
  Reply reply;
  reply.status = Status::kSeeOther;
  reply.type = "text/plain";
  reply.fields.emplace_back("Location", std::move(location));
  return reply;
}

Reply trouble_page(const Trouble& trouble, bool html) {
  Reply reply;
  if (html) {
    std::string body = fmt::format("<h1>{}</h1><p>{}</p>", escape_html(trouble.title), escape_html(trouble.text));
    if (trouble.reload) body += "<div class=\"bar\"></div>";
    if (trouble.restart && !trouble.session.empty()) body += restart_button(trouble.session);
    body += "<p><a href=\"/\">All your sessions</a></p>";
    const std::string head =
        trouble.reload ? fmt::format("<meta http-equiv=\"refresh\" content=\"{}\">", std::max(1, trouble.retry_after_s))
                       : std::string();
    reply.body = page(trouble.title, head, body);
  } else {
    base::JsonWriter json;
    json.begin_object().member("reason", trouble.reason).member("text", trouble.title + ". " + trouble.text);
    if (trouble.retry_after_s > 0) json.member("retry_after_s", trouble.retry_after_s);
    json.end_object();
    reply = json_reply(trouble.status, json.take());
  }
  reply.status = trouble.status;
  reply.reason = trouble.reason;
  reply.retry_after_s = trouble.retry_after_s;
  return reply;
}

Reply sign_in_page(bool html) {
  return trouble_page(make(Status::kUnauthorized, "sign-in", "Please sign in",
                           "Open the sign-in link that you were given; it names you to this cluster."),
                      html);
}

Reply home_page(std::string_view user, std::string_view node, const std::vector<HomeSession>& sessions,
                const std::vector<HomeKind>& kinds, std::string_view warning) {
  std::string body = fmt::format(
      "<h1>Sessions of {}</h1><p class=\"soft\">You are talking to {}. Any other machine of "
      "this cluster would bring you to the same sessions.</p>",
      escape_html(user), escape_html(node));
  if (!warning.empty()) body += fmt::format("<p class=\"warn\">{}</p>", escape_html(warning));
  if (sessions.empty()) {
    body += "<p>You have no sessions yet.</p>";
  } else {
    body += "<table><tr><th>Session</th><th>Kind</th><th>State</th><th>Machine</th><th></th></tr>";
    for (const HomeSession& s : sessions) {
      const std::string shown = s.id.substr(0, 8);
      body += "<tr><td>";
      body += s.open ? fmt::format("<a href=\"/s/{}/\">{}</a>", s.id, shown) : shown;
      body += fmt::format("</td><td>{}</td><td>{}{}</td><td>{}</td><td>", escape_html(s.kind), escape_html(s.state),
                          s.note.empty() ? "" : "<br><span class=\"soft\">" + escape_html(s.note) + "</span>",
                          escape_html(s.node));
      if (s.restart) body += restart_button(s.id);
      if (s.open)
        body += fmt::format("<form method=\"post\" action=\"/api/sessions/{}/end\"><button>End</button></form>", s.id);
      body += "</td></tr>";
    }
    body += "</table>";
  }
  body += "<p>";
  for (const HomeKind& kind : kinds) {
    body += fmt::format(
        "<form method=\"post\" action=\"/api/sessions\"><button name=\"kind\" value=\"{}\">Start {}</button></form>",
        escape_html(kind.name), escape_html(kind.title));
  }
  body += "</p>";
  Reply reply;
  reply.body = page("Your sessions", "", body);
  return reply;
}

}  // namespace homing::net
