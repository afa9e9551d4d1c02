// SPDX-License-Identifier: Apache-2.0
#include "tests/net/test_client.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
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

// The socket, or TLS over it, as Beast and Asio read and write.
struct Wire {
  using executor_type = asio::generic::stream_protocol::socket::executor_type;
  asio::io_context io;
  asio::generic::stream_protocol::socket socket{io};
  SslPtr ssl;  // nothing: plain

  executor_type get_executor() { return socket.get_executor(); }
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, error_code& error) {
    if (!ssl) return socket.read_some(buffers, error);
    const asio::mutable_buffer room = *asio::buffer_sequence_begin(buffers);
    std::size_t size = 0;
    if (SSL_read_ex(ssl.get(), room.data(), room.size(), &size) == 1) {
      error = {};
    } else {
      error = SSL_get_error(ssl.get(), 0) == SSL_ERROR_ZERO_RETURN ? error_code(asio::error::eof)
                                                                   : error_code(asio::error::connection_reset);
    }
    return size;
  }
  // Beast wants the throwing ones to exist too.
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers) {
    error_code error;
    const std::size_t size = read_some(buffers, error);
    if (error) throw boost::system::system_error(error);
    return size;
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, error_code& error) {
    if (!ssl) return socket.write_some(buffers, error);
    std::size_t size = 0;
    for (auto at = asio::buffer_sequence_begin(buffers); at != asio::buffer_sequence_end(buffers); ++at) {
      const asio::const_buffer piece = *at;
      if (piece.size() == 0) continue;
      const bool sent = SSL_write_ex(ssl.get(), piece.data(), piece.size(), &size) == 1;
      error = sent ? error_code() : error_code(asio::error::connection_reset);
      return size;
    }
    error = {};
    return 0;
  }
};

struct TestClient::Parts {
  Wire socket;
  beast::flat_buffer buffer;
  std::string method;

  void limit() const {
    const timeval limit{30, 0};
    ::setsockopt(const_cast<Parts*>(this)->socket.socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit,
                 sizeof limit);
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
  parts_->socket.socket.connect(asio::ip::tcp::endpoint(asio::ip::make_address(host), port), error);
  EXPECT_FALSE(error) << host << ":" << port << " " << error.message();
  if (!error) parts_->limit();
}

TestClient::TestClient(const std::string& unix_path) : parts_(std::make_unique<Parts>()) {
  error_code error;
  parts_->socket.socket.connect(asio::local::stream_protocol::endpoint(unix_path), error);
  EXPECT_FALSE(error) << unix_path << " " << error.message();
  if (!error) parts_->limit();
}

namespace {

SslPtr believing(const std::string& authority, const std::string& name) {
  const SslContextPtr context(SSL_CTX_new(TLS_client_method()));
  const std::unique_ptr<BIO, decltype(&::BIO_free)> text(
      ::BIO_new_mem_buf(authority.data(), static_cast<int>(authority.size())), &::BIO_free);
  const X509Ptr cert(::PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr));
  EXPECT_EQ(::X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), cert.get()), 1);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SslPtr ssl(SSL_new(context.get()));
  SSL_set_connect_state(ssl.get());
  SSL_set_tlsext_host_name(ssl.get(), name.c_str());
  SSL_set1_host(ssl.get(), name.c_str());
  return ssl;
}

}  // namespace

TestClient::TestClient(const std::string& host, std::uint16_t port, const std::string& authority,
                       const std::string& name)
    : TestClient(host, port, believing(authority, name)) {}

TestClient::TestClient(const std::string& host, std::uint16_t port, SslPtr ssl) : TestClient(host, port) {
  Wire& wire = parts_->socket;
  wire.ssl = std::move(ssl);
  SSL_set_fd(wire.ssl.get(), wire.socket.native_handle());
  SSL_set_mode(wire.ssl.get(), SSL_MODE_AUTO_RETRY);
  SSL_do_handshake(wire.ssl.get());
}

bool TestClient::secured() const {
  return parts_->socket.ssl && SSL_is_init_finished(parts_->socket.ssl.get()) == 1;
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
  parts_->socket.socket.shutdown(asio::generic::stream_protocol::socket::shutdown_send, ignored);
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
