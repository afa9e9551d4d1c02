// SPDX-License-Identifier: Apache-2.0
//
// A person in front of a browser, as a program: signs in at any router by link, keeps cookies per router as a browser
// keeps them per host, asks, and opens WebSockets. For `homing-router demo` and tests/e2e.
//
// Calls block and are bounded in time. Nothing throws; what went wrong is a sentence.
// Thread class: thread-compatible (one person, one thread).
#pragma once

#include <chrono>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "router/base/endpoint.h"
#include "router/net/credentials.h"

namespace homing::net {

struct HttpAnswer {
  int status = 0;      // 0: no answer; `error` says why
  std::string reason;  // Homing-Reason
  std::string location;
  std::string body;
  std::string error;
};

// GET without cookies.
HttpAnswer plain_get(const base::Endpoint& router, const std::string& target, std::chrono::milliseconds patience);

// An open WebSocket.
class PersonTunnel {
 public:
  PersonTunnel(PersonTunnel&&) noexcept;
  PersonTunnel& operator=(PersonTunnel&&) noexcept;
  ~PersonTunnel();

  bool send(const std::string& text);
  // The next message, or nothing: closed, cut, or nothing came in time. After nothing the tunnel is over.
  std::optional<std::string> receive(std::chrono::milliseconds patience = std::chrono::seconds(30));

 private:
  friend class Person;
  struct Impl;
  explicit PersonTunnel(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

class Person {
 public:
  // REQUIRES: plain_user_name(name).
  Person(std::string name, const Credentials& credentials);

  const std::string& name() const { return name_; }
  std::string login_link(const base::Endpoint& router) const;

  // `body`: sent as JSON when not empty. Signs in at the router first when needed.
  HttpAnswer ask(const base::Endpoint& router, const std::string& method, const std::string& target,
                 const std::string& body = "", bool as_browser = false);
  std::expected<PersonTunnel, std::string> open_tunnel(const base::Endpoint& router, const std::string& target);

 private:
  using Jar = std::map<std::string, std::string>;
  bool sign_in(const base::Endpoint& router);
  std::string cookies_for(const base::Endpoint& router) const;

  std::string name_;
  const Credentials& credentials_;
  std::map<std::string, Jar> jars_;  // by host:port
};

}  // namespace homing::net
