// SPDX-License-Identifier: Apache-2.0
#include "router/launcher/witness.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/udp.hpp>
#include <map>
#include <utility>

#include "router/core/archive.h"
#include "router/core/check.h"

namespace homing::launcher {

namespace asio = boost::asio;
using asio::ip::udp;
using boost::system::error_code;

namespace {

constexpr std::size_t kMacBytes = 32;
constexpr std::size_t kMaxDatagram = 128;
constexpr std::size_t kMaxOpenQuestions = 256;  // older ones are forgotten

const unsigned char* raw(std::string_view bytes) {
  return static_cast<const unsigned char*>(static_cast<const void*>(bytes.data()));
}

std::string mac_of(std::string_view key, std::string_view bytes) {
  std::array<unsigned char, kMacBytes> out{};
  unsigned size = 0;
  CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), raw(bytes), bytes.size(), out.data(), &size) !=
        nullptr);
  CHECK(size == kMacBytes);
  return {out.begin(), out.end()};
}

// A key for this purpose alone.
std::string key_of(std::string_view secret) {
  return mac_of(secret, "homing launcher witness 1");
}

std::optional<udp::endpoint> endpoint_of(asio::any_io_executor executor, const base::Endpoint& address) {
  error_code error;
  udp::resolver resolver(std::move(executor));
  const auto found = resolver.resolve(address.host, std::to_string(address.port), error);
  if (error || found.empty() || address.port == 0) return std::nullopt;
  return found.begin()->endpoint();
}

}  // namespace

std::string seal_witness(const WitnessMessage& message, std::string_view secret) {
  core::Writer w;
  w(message);
  std::string bytes = w.take();
  bytes += mac_of(key_of(secret), bytes);
  return bytes;
}

std::optional<WitnessMessage> open_witness(std::string_view datagram, std::string_view secret) {
  if (datagram.size() <= kMacBytes || datagram.size() > kMaxDatagram) return std::nullopt;
  const std::string_view payload = datagram.substr(0, datagram.size() - kMacBytes);
  const std::string expected = mac_of(key_of(secret), payload);
  if (CRYPTO_memcmp(expected.data(), datagram.data() + payload.size(), kMacBytes) != 0) return std::nullopt;
  WitnessMessage message;
  core::Reader reader(payload);
  reader(message);
  if (!reader.ok() || !reader.at_end()) return std::nullopt;
  return message;
}

class Witness::Impl : public std::enable_shared_from_this<Witness::Impl> {
 public:
  Impl(asio::any_io_executor executor, core::NodeId self, std::string secret, std::function<bool()> vouches)
      : self_(self), secret_(std::move(secret)), vouches_(std::move(vouches)), socket_(std::move(executor)) {}

  std::optional<std::string> open(const base::Endpoint& address) {
    const auto here = endpoint_of(socket_.get_executor(), address);
    if (!here)
      return fmt::format("cannot resolve {} for the launcher's own port; write a launcher-address", address.text());
    error_code error;
    socket_.open(here->protocol(), error);
    if (!error) socket_.bind(*here, error);
    if (error) {
      return fmt::format("cannot answer peers on UDP {}: {}; free it or write another launcher-address", address.text(),
                         error.message());
    }
    receive();
    return std::nullopt;
  }
  void close() {
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  void receive() {
    socket_.async_receive_from(asio::buffer(bytes_), from_, [me = shared_from_this()](error_code error, std::size_t n) {
      if (error == asio::error::operation_aborted || !me->socket_.is_open()) return;
      if (!error) me->received({me->bytes_.data(), n});
      me->receive();
    });
  }
  void received(std::string_view datagram) {
    auto message = open_witness(datagram, secret_);
    if (!message || message->answer || message->node != self_ || !vouches_()) return;
    message->answer = true;
    error_code ignored;
    socket_.send_to(asio::buffer(seal_witness(*message, secret_)), from_, 0, ignored);
  }

  const core::NodeId self_;
  const std::string secret_;
  std::function<bool()> vouches_;
  udp::socket socket_;
  udp::endpoint from_;
  std::array<char, kMaxDatagram> bytes_{};
};

Witness::Witness(asio::any_io_executor executor, core::NodeId self, std::string secret, std::function<bool()> vouches)
    : impl_(std::make_shared<Impl>(std::move(executor), self, std::move(secret), std::move(vouches))) {}
Witness::~Witness() {
  impl_->close();
}
std::optional<std::string> Witness::open(const base::Endpoint& address) {
  return impl_->open(address);
}

class WitnessAsker::Impl : public std::enable_shared_from_this<WitnessAsker::Impl> {
 public:
  Impl(asio::any_io_executor executor, const std::vector<base::Endpoint>& launchers, std::string secret,
       std::function<void(core::NodeId, core::Incarnation)> on_alive)
      : secret_(std::move(secret)), on_alive_(std::move(on_alive)), socket_(executor) {
    for (const base::Endpoint& address : launchers) launchers_.push_back(endpoint_of(executor, address));
  }

  void ask(core::NodeId node, core::Incarnation incarnation) {
    if (closed_ || node.value >= launchers_.size() || !launchers_[node.value]) return;
    const udp::endpoint to = *launchers_[node.value];
    error_code error;
    if (!socket_.is_open()) {
      socket_.open(to.protocol(), error);
      if (error) return;
      socket_.bind(udp::endpoint(to.protocol(), 0), error);
      socket_.non_blocking(true, error);
      receive();
    }
    WitnessMessage question{node, incarnation, 0, false};
    unsigned char random[8];
    if (RAND_bytes(random, sizeof random) != 1) return;
    for (const unsigned char byte : random) question.nonce = (question.nonce << 8) | byte;
    if (asked_.size() >= kMaxOpenQuestions) asked_.clear();
    asked_[question.nonce] = question;
    socket_.send_to(asio::buffer(seal_witness(question, secret_)), to, 0, error);
  }
  void close() {
    closed_ = true;
    on_alive_ = {};
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  void receive() {
    socket_.async_receive_from(asio::buffer(bytes_), from_, [me = shared_from_this()](error_code error, std::size_t n) {
      if (error == asio::error::operation_aborted || me->closed_) return;
      if (!error) me->received({me->bytes_.data(), n});
      me->receive();
    });
  }
  void received(std::string_view datagram) {
    const auto message = open_witness(datagram, secret_);
    if (!message || !message->answer) return;
    const auto it = asked_.find(message->nonce);
    if (it == asked_.end()) return;
    const WitnessMessage question = it->second;
    asked_.erase(it);
    if (question.node != message->node || question.incarnation != message->incarnation) return;
    if (on_alive_) on_alive_(question.node, question.incarnation);
  }

  const std::string secret_;
  std::function<void(core::NodeId, core::Incarnation)> on_alive_;
  udp::socket socket_;
  bool closed_ = false;
  std::vector<std::optional<udp::endpoint>> launchers_;
  std::map<std::uint64_t, WitnessMessage> asked_;
  udp::endpoint from_;
  std::array<char, kMaxDatagram> bytes_{};
};

WitnessAsker::WitnessAsker(asio::any_io_executor executor, const std::vector<base::Endpoint>& launchers,
                           std::string secret, std::function<void(core::NodeId, core::Incarnation)> on_alive)
    : impl_(std::make_shared<Impl>(std::move(executor), launchers, std::move(secret), std::move(on_alive))) {}
WitnessAsker::~WitnessAsker() {
  impl_->close();
}
void WitnessAsker::ask(core::NodeId node, core::Incarnation incarnation) {
  impl_->ask(node, incarnation);
}
void WitnessAsker::close() {
  impl_->close();
}

}  // namespace homing::launcher
