// SPDX-License-Identifier: Apache-2.0
//
// The operator's calls that change what a router is: another configuration, another program.
//
//   POST /v1/config/reload   200 {"changes":[{"key","before","after","takes","why"}],"text"}; 422: nothing was changed
//   POST /v1/upgrade {"binary":"/path"}   200 {"process","former","tunnels","keeps_s","text"}; 409: this router goes
//   on.
//                                         Without "binary": the file that it was started from, as it is now
#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "router/base/json.h"
#include "router/net/front.h"
#include "router/net/server.h"

namespace homing::net {

namespace {

constexpr std::int64_t kReloadMs = 60'000;
constexpr std::int64_t kUpgradeMs = 120'000;
constexpr std::size_t kMaxWish = 8192;

// Runs `make` in the server's background and goes on here with what it made; nothing when that takes too long.
template <class Make>
auto in_background(Call& call, std::int64_t limit_ms, Make make) -> Task<std::optional<decltype(make())>> {
  struct Asked {
    explicit Asked(io::Loop& loop) : event(loop) {}
    io::Event event;
    std::optional<decltype(make())> result;
  };
  const auto asked = std::make_shared<Asked>(call.worker.loop);
  call.front.parts().server.in_background(
      [asked, make = std::move(make), mailbox = call.worker.loop.mailbox()]() mutable {
        auto made = std::make_shared<decltype(make())>(make());
        mailbox->post([asked, made] {
          asked->result.emplace(std::move(*made));
          asked->event.set_now();
        });
      });
  co_await asked->event.within(limit_ms);
  co_return std::move(asked->result);
}

std::string_view word_of(base::Takes takes) {
  switch (takes) {
    case base::Takes::kNothing:
      return "nothing";
    case base::Takes::kNewSessions:
      return "new-sessions";
    case base::Takes::kOtherNode:
      return "other-node";
    case base::Takes::kRestart:
      return "restart";
    case base::Takes::kCluster:
      return "cluster";
  }
  return "?";
}

Trouble refused(Status status, std::string reason, std::string title, std::string text) {
  Trouble trouble;
  trouble.status = status;
  trouble.reason = std::move(reason);
  trouble.title = std::move(title);
  trouble.text = std::move(text);
  return trouble;
}

}  // namespace

Task<void> serve_reload(Call& call) {
  Server& server = call.front.parts().server;
  auto done = co_await in_background(call, kReloadMs, [&server] { return server.reload(); });
  if (!done) {
    co_return co_await call.front.send(call,
                                       refused(Status::kGatewayTimeout, "slow", "The files cannot be read in time",
                                               "What is in force is told by a later reload."));
  }
  if (!*done) {
    call.front.parts().log.warn("config.refused", {{"why", done->error()}});
    co_return co_await call.front.send(
        call, refused(Status::kUnprocessable, "bad-config", "The configuration was left as it is", done->error()));
  }
  base::JsonWriter json(base::JsonWriter::Style::kPretty);
  json.begin_object().key("changes").begin_array();
  for (const base::ConfigChange& change : (*done)->changes) {
    json.begin_object()
        .member("key", change.key)
        .member("before", change.before)
        .member("after", change.after)
        .member("takes", word_of(change.takes))
        .member("why", change.why)
        .end_object();
  }
  json.end_array().member("text", (*done)->text).end_object();
  co_await call.front.send(call, json_reply(Status::kOk, json.take()));
}

Task<void> serve_upgrade(Call& call) {
  const std::optional<std::string> body = co_await call.front.read_body(call, kMaxWish);
  std::string binary;
  if (body && !body->empty()) {
    boost::system::error_code error;
    const boost::json::value wish = boost::json::parse(*body, error);
    const boost::json::value* named = !error && wish.is_object() ? wish.as_object().if_contains("binary") : nullptr;
    if (named != nullptr && named->is_string()) binary = named->as_string().c_str();
  }
  Server& server = call.front.parts().server;
  auto done = co_await in_background(call, kUpgradeMs, [&server, binary] { return server.upgrade(binary); });
  if (!done || !*done) {
    const std::string why = done ? done->error() : std::string("nothing is known of it after two minutes");
    co_return co_await call.front.send(call, refused(Status::kConflict, "not-upgraded", "This router goes on", why));
  }
  const Server::HandedOver& to = **done;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(to.keeps).count();
  base::JsonWriter json(base::JsonWriter::Style::kPretty);
  json.begin_object()
      .member("process", to.process)
      .member("former", to.former)
      .member("tunnels", to.tunnels)
      .member("keeps_s", seconds)
      .member("text",
              fmt::format("process {} serves; process {} keeps {} open connections of people until they end, at "
                          "most {} s",
                          to.process, to.former, to.tunnels, seconds))
      .end_object();
  co_await call.front.send(call, json_reply(Status::kOk, json.take()));
}

}  // namespace homing::net
