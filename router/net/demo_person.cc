// SPDX-License-Identifier: Apache-2.0
#include "router/net/demo_person.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <utility>

#include "router/core/check.h"

namespace homing::net {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;

namespace {

constexpr std::chrono::seconds kPatience{20};

using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

std::string text_of(const Response& response, http::field field) {
  const auto value = response[field];
  return {value.data(), value.size()};
}

error_code connect(asio::io_context& io, beast::tcp_stream& stream, const base::Endpoint& router,
                   std::chrono::milliseconds patience) {
  error_code result;
  const auto host = asio::ip::make_address(router.host, result);
  if (result) return result;
  stream.expires_after(patience);
  stream.async_connect(asio::ip::tcp::endpoint(host, router.port), [&result](error_code error) { result = error; });
  io.restart();
  io.run();
  return result;
}

// One request on a connection of its own.
std::expected<Response, std::string> exchange(const base::Endpoint& router, Request request,
                                              std::chrono::milliseconds patience) {
  asio::io_context io(1);
  beast::tcp_stream stream(io);
  if (const error_code error = connect(io, stream, router, patience)) return std::unexpected(error.message());
  request.set(http::field::host, router.text());
  request.set(http::field::connection, "close");
  request.prepare_payload();
  error_code result;
  stream.expires_after(patience);
  http::async_write(stream, request, [&result](error_code error, std::size_t) { result = error; });
  io.restart();
  io.run();
  if (result) return std::unexpected(result.message());
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(std::uint64_t{64} << 20);
  stream.expires_after(patience);
  http::async_read(stream, buffer, parser, [&result](error_code error, std::size_t) { result = error; });
  io.restart();
  io.run();
  if (result) return std::unexpected(result.message());
  return parser.release();
}

HttpAnswer answer_of(const std::expected<Response, std::string>& response) {
  HttpAnswer answer;
  if (!response) {
    answer.error = response.error();
    return answer;
  }
  answer.status = static_cast<int>(response->result_int());
  const auto reason = (*response)["Homing-Reason"];
  answer.reason.assign(reason.data(), reason.size());
  answer.location = text_of(*response, http::field::location);
  answer.body = response->body();
  return answer;
}

}  // namespace

HttpAnswer plain_get(const base::Endpoint& router, const std::string& target, std::chrono::milliseconds patience) {
  return answer_of(exchange(router, Request(http::verb::get, target, 11), patience));
}

// ---------------------------------------------------------------- the tunnel

struct PersonTunnel::Impl {
  asio::io_context io{1};
  websocket::stream<beast::tcp_stream> ws{io};
  beast::flat_buffer buffer;
  bool over = false;

  // Lets operations run until one has set `done`, or time is up, and then the connection is closed.
  void run(const bool& done, std::chrono::milliseconds patience) {
    const auto until = std::chrono::steady_clock::now() + patience;
    io.restart();
    while (!done && io.run_one_until(until) != 0) {
    }
    if (done) return;
    over = true;
    error_code ignored;
    beast::get_lowest_layer(ws).socket().close(ignored);
    io.restart();
    io.run();
  }
};

PersonTunnel::PersonTunnel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PersonTunnel::PersonTunnel(PersonTunnel&&) noexcept = default;
PersonTunnel& PersonTunnel::operator=(PersonTunnel&&) noexcept = default;
PersonTunnel::~PersonTunnel() = default;

bool PersonTunnel::send(const std::string& text) {
  if (impl_->over) return false;
  bool done = false;
  error_code result;
  impl_->ws.async_write(asio::buffer(text), [&](error_code error, std::size_t) {
    result = error;
    done = true;
  });
  impl_->run(done, kPatience);
  impl_->over = impl_->over || result.failed();
  return !impl_->over;
}

std::optional<std::string> PersonTunnel::receive(std::chrono::milliseconds patience) {
  if (impl_->over) return std::nullopt;
  bool done = false;
  error_code result;
  impl_->ws.async_read(impl_->buffer, [&](error_code error, std::size_t) {
    result = error;
    done = true;
  });
  impl_->run(done, patience);
  if (result || impl_->over) {
    impl_->over = true;
    return std::nullopt;
  }
  std::string text = beast::buffers_to_string(impl_->buffer.data());
  impl_->buffer.consume(impl_->buffer.size());
  return text;
}

// ---------------------------------------------------------------- the person

Person::Person(std::string name, const Credentials& credentials) : name_(std::move(name)), credentials_(credentials) {
  CHECK(plain_user_name(name_));
}

std::string Person::login_link(const base::Endpoint& router) const {
  return fmt::format("http://{}/login?token={}", router.text(),
                     credentials_.login_token(*make_user(name_), wall_seconds() + kLoginSeconds));
}

bool Person::sign_in(const base::Endpoint& router) {
  if (jars_.contains(router.text())) return true;
  const std::string link = login_link(router);
  const auto response = exchange(router, Request(http::verb::get, link.substr(link.find("/login")), 11), kPatience);
  if (!response || response->result_int() != 303) return false;
  const std::string cookie = text_of(*response, http::field::set_cookie);
  const std::size_t equals = cookie.find('=');
  if (equals == cookie.npos) return false;
  jars_[router.text()][cookie.substr(0, equals)] = cookie.substr(equals + 1, cookie.find(';') - equals - 1);
  return true;
}

std::string Person::cookies_for(const base::Endpoint& router) const {
  std::string out;
  const auto jar = jars_.find(router.text());
  if (jar == jars_.end()) return out;
  for (const auto& [name, value] : jar->second) out += fmt::format("{}{}={}", out.empty() ? "" : "; ", name, value);
  return out;
}

HttpAnswer Person::ask(const base::Endpoint& router, const std::string& method, const std::string& target,
                       const std::string& body, bool as_browser) {
  if (!sign_in(router)) {
    HttpAnswer none;
    none.error = fmt::format("{} cannot sign in at {}", name_, router.text());
    return none;
  }
  Request request(http::string_to_verb(method), target, 11);
  request.set(http::field::cookie, cookies_for(router));
  request.set(http::field::accept, as_browser ? "text/html" : "application/json");
  request.set(http::field::origin, "http://" + router.text());
  Jar& jar = jars_[router.text()];
  // What Jupyter's own pages do against forged requests: the cookie's value again, in a header.
  if (const auto xsrf = jar.find("_xsrf"); xsrf != jar.end()) request.set("X-XSRFToken", xsrf->second);
  if (!body.empty()) request.set(http::field::content_type, "application/json");
  request.body() = body;
  const auto response = exchange(router, std::move(request), kPatience);
  if (response) {
    const auto cookies = response->equal_range(http::field::set_cookie);
    for (auto it = cookies.first; it != cookies.second; ++it) {
      const std::string cookie(it->value().data(), it->value().size());
      const std::size_t equals = cookie.find('=');
      // Path is not looked at: route cookies are left out by name, everything else fits every path here.
      if (equals == cookie.npos || cookie.starts_with(kRouteCookie)) continue;
      jar[cookie.substr(0, equals)] = cookie.substr(equals + 1, cookie.find(';') - equals - 1);
    }
  }
  return answer_of(response);
}

std::expected<PersonTunnel, std::string> Person::open_tunnel(const base::Endpoint& router, const std::string& target) {
  if (!sign_in(router)) return std::unexpected(fmt::format("{} cannot sign in at {}", name_, router.text()));
  auto impl = std::make_unique<PersonTunnel::Impl>();
  auto& stream = beast::get_lowest_layer(impl->ws);
  if (const error_code error = connect(impl->io, stream, router, kPatience)) return std::unexpected(error.message());
  stream.expires_never();
  const std::string cookies = cookies_for(router);
  impl->ws.set_option(websocket::stream_base::decorator([&](websocket::request_type& request) {
    request.set(http::field::cookie, cookies);
    request.set(http::field::origin, "http://" + router.text());
  }));
  impl->ws.read_message_max(std::size_t{64} << 20);
  bool done = false;
  error_code result;
  websocket::response_type response;
  impl->ws.async_handshake(response, router.text(), target, [&](error_code error) {
    result = error;
    done = true;
  });
  impl->run(done, kPatience);
  if (impl->over) return std::unexpected("no answer in time");
  if (result) {
    const auto reason = response["Homing-Reason"];
    if (!reason.empty())
      return std::unexpected(fmt::format("{} ({})", response.result_int(), std::string(reason.data(), reason.size())));
    return std::unexpected(response.result_int() >= 400 ? fmt::format("{}", response.result_int()) : result.message());
  }
  return PersonTunnel(std::move(impl));
}

}  // namespace homing::net
