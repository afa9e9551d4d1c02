// SPDX-License-Identifier: Apache-2.0
//
// A blocking HTTP client for tests: one connection, everything visible, nothing clever. A connection that is silent for
// 30 s fails the call.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "router/net/tls_files.h"

namespace homing::net {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

struct Got {
  unsigned status = 0;  // 0: no answer came
  HeaderList headers;
  std::string body;
  bool keep_alive = false;
  bool whole = false;  // the body came to its promised end
  std::string header(const std::string& name) const;
  std::vector<std::string> all(const std::string& name) const;
};

class TestClient {
 public:
  TestClient(const std::string& host, std::uint16_t port);
  explicit TestClient(const std::string& unix_path);
  // Over TLS: believes certificates of `authority` (PEM) for `name` only, which it asks for (SNI).
  TestClient(const std::string& host, std::uint16_t port, const std::string& authority, const std::string& name);
  // Over TLS as `ssl` says, which is in connect state.
  TestClient(const std::string& host, std::uint16_t port, SslPtr ssl);
  bool secured() const;  // the handshake was done
  ~TestClient();

  Got request(const std::string& method, const std::string& target, const HeaderList& headers = {},
              const std::string& body = {});
  // Bytes as they are; false when the other side is gone.
  bool write(const std::string& bytes);
  Got read_answer(bool to_head = false);
  // What comes next on the connection; empty at its end.
  std::string read_some();
  void end_of_sending();

  // A WebSocket on this connection. Returns the status of the handshake's answer.
  unsigned upgrade(const std::string& target, const HeaderList& headers = {});
  bool send_text(const std::string& text);
  std::string receive_text();  // "(closed)" at the end

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace homing::net
