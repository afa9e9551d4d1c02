// SPDX-License-Identifier: Apache-2.0
#include "tests/net/test_client.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cstring>
#include <deque>

#include "router/wire/text.h"

namespace homing::net {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;

std::string Got::header(const std::string& name) const {
  const auto values = all(name);
  return values.empty() ? std::string() : values.front();
}

std::vector<std::string> Got::all(const std::string& name) const {
  std::vector<std::string> out;
  for (const auto& [n, v] : headers) {
    if (wire::same_text(n, name)) out.push_back(v);
  }
  return out;
}

struct TestClient::Parts {
  asio::io_context io;
  asio::generic::stream_protocol::socket socket{io};
  beast::flat_buffer buffer;
  std::string method;

  void limit() const {
    const timeval limit{30, 0};
    ::setsockopt(const_cast<Parts*>(this)->socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  std::string exactly(std::size_t size) {
    while (buffer.size() < size) {
      error_code error;
      const std::size_t n = socket.read_some(buffer.prepare(4096), error);
      if (error) return {};
      buffer.commit(n);
    }
    std::string out(static_cast<const char*>(buffer.data().data()), size);
    buffer.consume(size);
    return out;
  }
};

TestClient::TestClient(const std::string& host, std::uint16_t port) : parts_(std::make_unique<Parts>()) {
  error_code error;
  parts_->socket.connect(asio::ip::tcp::endpoint(asio::ip::make_address(host), port), error);
  EXPECT_FALSE(error) << host << ":" << port << " " << error.message();
  if (!error) parts_->limit();
}

TestClient::TestClient(const std::string& unix_path) : parts_(std::make_unique<Parts>()) {
  error_code error;
  parts_->socket.connect(asio::local::stream_protocol::endpoint(unix_path), error);
  EXPECT_FALSE(error) << unix_path << " " << error.message();
  if (!error) parts_->limit();
}

TestClient::~TestClient() = default;

Got TestClient::request(const std::string& method, const std::string& target, const HeaderList& headers,
                        const std::string& body) {
  std::string text = method + " " + target + " HTTP/1.1\r\n";
  bool host = false;
  bool framed = false;
  for (const auto& [name, value] : headers) {
    host = host || wire::same_text(name, "host");
    framed = framed || wire::same_text(name, "content-length") || wire::same_text(name, "transfer-encoding");
    text += name + ": " + value + "\r\n";
  }
  if (!host) text += "Host: cluster.test\r\n";
  if (!body.empty() && !framed) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  parts_->method = method;
  if (!write(text + "\r\n" + body)) return {};
  return read_answer();
}

bool TestClient::write(const std::string& bytes) {
  error_code error;
  asio::write(parts_->socket, asio::buffer(bytes), error);
  return !error;
}

void TestClient::end_of_sending() {
  error_code ignored;
  parts_->socket.shutdown(asio::generic::stream_protocol::socket::shutdown_send, ignored);
}

Got TestClient::read_answer(bool to_head) {
  Got got;
  beast::http::response_parser<beast::http::string_body> parser;
  parser.body_limit(boost::none);
  if (to_head || parts_->method == "HEAD") parser.skip(true);
  error_code error;
  beast::http::read(parts_->socket, parts_->buffer, parser, error);
  if (!parser.is_header_done()) return got;
  got.status = parser.get().result_int();
  for (const auto& field : parser.get()) {
    got.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
  got.whole = !error && parser.is_done();
  got.keep_alive = parser.keep_alive();
  got.body = parser.get().body();
  return got;
}

std::string TestClient::read_some() {
  if (parts_->buffer.size() == 0) {
    error_code error;
    const std::size_t n = parts_->socket.read_some(parts_->buffer.prepare(64 * 1024), error);
    if (error) return {};
    parts_->buffer.commit(n);
  }
  std::string out = beast::buffers_to_string(parts_->buffer.data());
  parts_->buffer.consume(out.size());
  return out;
}

unsigned TestClient::upgrade(const std::string& target, const HeaderList& headers) {
  HeaderList all = {{"Connection", "Upgrade"},
                    {"Upgrade", "websocket"},
                    {"Sec-WebSocket-Version", "13"},
                    {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}};
  all.insert(all.end(), headers.begin(), headers.end());
  const Got got = request("GET", target, all);
  if (got.status == 101) {
    EXPECT_EQ(got.header("Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  }
  return got.status;
}

// Frames by hand, so that nothing of Beast's WebSocket is on both sides: client frames are masked with zeros.
bool TestClient::send_text(const std::string& text) {
  std::string frame = "\x81";
  if (text.size() < 126) {
    frame += static_cast<char>(0x80 | text.size());
  } else {
    frame += static_cast<char>(0x80 | 127);
    for (int shift = 56; shift >= 0; shift -= 8)
      frame += static_cast<char>((static_cast<std::uint64_t>(text.size()) >> shift) & 0xff);
  }
  frame += std::string(4, '\0');
  return write(frame + text);
}

std::string TestClient::receive_text() {
  std::string message;
  for (;;) {
    const std::string head = parts_->exactly(2);
    if (head.size() != 2) return "(closed)";
    const int opcode = head[0] & 0x0f;
    const bool last = (head[0] & 0x80) != 0;
    std::uint64_t size = static_cast<std::uint8_t>(head[1]) & 0x7f;
    const std::size_t extra = size == 126 ? 2 : size == 127 ? 8 : 0;
    if (extra != 0) {
      size = 0;
      for (const char c : parts_->exactly(extra)) size = (size << 8) | static_cast<std::uint8_t>(c);
    }
    const std::string payload = size == 0 ? std::string() : parts_->exactly(size);
    if (opcode == 8) return "(closed)";
    if (opcode > 2) continue;  // ping, pong
    message += payload;
    if (last) return message;
  }
}

}  // namespace homing::net
