// SPDX-License-Identifier: Apache-2.0
#include "router/net/demo_work.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <chrono>
#include <string_view>

namespace homing::net {
namespace {

namespace json = boost::json;

// A member of nested objects by its path, as text; "" when it is not there.
std::string text_at(const json::value& value, std::initializer_list<std::string_view> path) {
  const json::value* at = &value;
  for (const std::string_view name : path) {
    const json::object* object = at->if_object();
    at = object == nullptr ? nullptr : object->if_contains(json::string_view(name.data(), name.size()));
    if (at == nullptr) return "";
  }
  const json::string* text = at->if_string();
  return text == nullptr ? "" : std::string(text->data(), text->size());
}

std::string said(const HttpAnswer& answer) {
  if (answer.status == 0) return answer.error;
  return answer.reason.empty() ? fmt::format("{}", answer.status)
                               : fmt::format("{} ({})", answer.status, answer.reason);
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

}  // namespace

std::expected<std::string, std::string> Work::remember(const base::Endpoint& router, int value) {
  if (kind_ != "jupyter") return notepad_counter(router, value);
  if (kernel_.empty()) {
    if (auto begun = begin_kernel(router); !begun) return std::unexpected(begun.error());
  }
  return run_cell(router, fmt::format("work = {}; print(work)", value));
}

std::expected<std::string, std::string> Work::recall(const base::Endpoint& router) {
  if (kind_ != "jupyter") return notepad_counter(router, 0);
  if (kernel_.empty()) {
    if (auto begun = begin_kernel(router); !begun) return std::unexpected(begun.error());
  }
  return run_cell(router, "print(work)");
}

std::expected<void, std::string> Work::begin_kernel(const base::Endpoint& router) {
  // The page gives the cookie that Jupyter wants to see again with every change.
  const HttpAnswer page = person_.ask(router, "GET", url_ + "tree", "", true);
  if (page.status != 200) return std::unexpected("its page: " + said(page));
  const HttpAnswer made = person_.ask(router, "POST", url_ + "api/kernels", "{\"name\":\"python3\"}");
  if (made.status != 201) return std::unexpected("a new kernel: " + said(made));
  boost::system::error_code error;
  kernel_ = text_at(json::parse(made.body, error), {"id"});
  if (kernel_.empty()) return std::unexpected("a new kernel has no id");
  return {};
}

std::expected<std::string, std::string> Work::run_cell(const base::Endpoint& router, const std::string& code) {
  auto tunnel = person_.open_tunnel(router, channels());
  if (!tunnel) return std::unexpected("its WebSocket: " + tunnel.error());
  const std::string id = fmt::format("{:x}", std::chrono::steady_clock::now().time_since_epoch().count());
  const json::object request = {{"header",
                                 {{"msg_id", id},
                                  {"username", person_.name()},
                                  {"session", "demo"},
                                  {"msg_type", "execute_request"},
                                  {"version", "5.3"}}},
                                {"parent_header", json::object()},
                                {"metadata", json::object()},
                                {"channel", "shell"},
                                {"content",
                                 {{"code", code},
                                  {"silent", false},
                                  {"store_history", true},
                                  {"user_expressions", json::object()},
                                  {"allow_stdin", false},
                                  {"stop_on_error", true}}}};
  if (!tunnel->send(json::serialize(request))) return std::unexpected(std::string("its WebSocket closed"));
  // Output and reply come over different channels in any order: done when the reply is here and the kernel is idle.
  std::string output;
  bool replied = false;
  bool idle = false;
  while (!replied || !idle) {
    const auto text = tunnel->receive();
    if (!text) return std::unexpected(std::string("the kernel did not answer"));
    boost::system::error_code error;
    const json::value message = json::parse(*text, error);
    if (error || text_at(message, {"parent_header", "msg_id"}) != id) continue;
    const std::string type = text_at(message, {"msg_type"});
    if (type == "stream") output += text_at(message, {"content", "text"});
    if (type == "error")
      output += text_at(message, {"content", "ename"}) + ": " + text_at(message, {"content", "evalue"});
    replied = replied || type == "execute_reply";
    idle = idle || (type == "status" && text_at(message, {"content", "execution_state"}) == "idle");
  }
  return trimmed(output);
}

std::expected<std::string, std::string> Work::notepad_counter(const base::Endpoint& router, int add) {
  auto tunnel = person_.open_tunnel(router, url_ + "ws");
  if (!tunnel) return std::unexpected("its WebSocket: " + tunnel.error());
  std::int64_t counter = -1;
  std::int64_t goal = -1;
  for (int sent = 0; counter < 0 || counter < goal;) {
    const auto text = tunnel->receive();
    if (!text) return std::unexpected(std::string("the notepad did not answer"));
    boost::system::error_code error;
    const json::value message = json::parse(*text, error);
    const json::object* object = error ? nullptr : message.if_object();
    const json::value* value = object == nullptr ? nullptr : object->if_contains("counter");
    if (value == nullptr || !value->is_int64()) continue;
    counter = value->as_int64();
    if (goal < 0) goal = counter + add;
    for (; sent < add; ++sent) {
      if (!tunnel->send("+1")) return std::unexpected(std::string("its WebSocket closed"));
    }
  }
  return fmt::format("{}", counter);
}

}  // namespace homing::net
