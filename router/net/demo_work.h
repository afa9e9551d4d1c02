// SPDX-License-Identifier: Apache-2.0
//
// A person's work in a session, so that it can be seen whether it is still there: a variable in a Jupyter kernel, or
// the notepad's counter. Everything goes through the router given, over HTTP and the session's WebSocket, exactly as a
// browser's page does it (Jupyter's kernel protocol: POST api/kernels, then api/kernels/ID/channels).
// Thread class: thread-compatible.
#pragma once

#include <expected>
#include <string>

#include "router/net/demo_person.h"

namespace homing::net {

class Work {
 public:
  // `url`: the session's path, "/s/ID/". `kind`: "jupyter", or anything else for a notepad.
  Work(Person& person, std::string kind, std::string url)
      : person_(person), kind_(std::move(kind)), url_(std::move(url)) {}

  // Puts a value there that nobody else has, in a kernel begun for it if there is none. Returns what the session said.
  std::expected<std::string, std::string> remember(const base::Endpoint& router, int value);
  // What is there: the value as text, or what the session says instead.
  std::expected<std::string, std::string> recall(const base::Endpoint& router);
  // The session is another process now: what was open is not asked for again.
  void forget_kernel() { kernel_.clear(); }

  const std::string& url() const { return url_; }
  // Path of the running kernel's WebSocket.
  std::string channels() const { return url_ + "api/kernels/" + kernel_ + "/channels?session_id=demo"; }

 private:
  std::expected<void, std::string> begin_kernel(const base::Endpoint& router);
  std::expected<std::string, std::string> run_cell(const base::Endpoint& router, const std::string& code);
  std::expected<std::string, std::string> notepad_counter(const base::Endpoint& router, int add);

  Person& person_;
  std::string kind_;
  std::string url_;
  std::string kernel_;
};

}  // namespace homing::net
