// SPDX-License-Identifier: Apache-2.0
#include "router/net/hints.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <vector>

namespace homing::net {

namespace asio = boost::asio;
using asio::ip::udp;
using boost::system::error_code;

class HintSocket::Impl : public std::enable_shared_from_this<HintSocket::Impl> {
 public:
  Impl(asio::any_io_executor executor, const base::RouterConfig& config, const Credentials& credentials,
       std::function<void()> on_hint)
      : config_(config),
        credentials_(credentials),
        on_hint_(std::move(on_hint)),
        socket_(executor),
        gather_(executor) {}

  std::optional<std::string> open(int inherited) {
    peers_.resize(config_.nodes.size());
    udp::resolver resolver(socket_.get_executor());
    error_code error;
    for (const base::NodeEntry& node : config_.nodes) {
      const auto found = resolver.resolve(node.peer_address.host, std::to_string(node.peer_address.port), error);
      if (!error) peers_[node.id.value] = found.begin()->endpoint();
    }
    const udp::endpoint here = peers_[config_.self.value];
    if (here == udp::endpoint()) return fmt::format("cannot resolve {}", config_.this_node().peer_address.host);
    if (inherited >= 0) {
      socket_.assign(here.protocol(), inherited, error);
    } else {
      socket_.open(here.protocol(), error);
      if (!error) socket_.bind(here, error);
    }
    if (error) {
      return fmt::format("cannot receive hints on UDP {}: {}; is another router running there?",
                         config_.this_node().peer_address.text(), error.message());
    }
    socket_.non_blocking(true, error);
    receive();
    return std::nullopt;
  }

  void send(core::NodeId node) {
    if (!socket_.is_open()) return;
    const std::string text = credentials_.hint(config_.self);
    for (std::size_t i = 0; i < peers_.size(); ++i) {
      const core::NodeId peer{static_cast<std::uint32_t>(i)};
      if (peer == config_.self || (node != core::kNoNode && node != peer) || peers_[i].port() == 0) continue;
      error_code ignored;
      socket_.send_to(asio::buffer(text), peers_[i], 0, ignored);
    }
  }

  int descriptor() { return socket_.is_open() ? socket_.native_handle() : -1; }

  void close() {
    // Not close(): another process may have the same socket, and only what is taken out of the reactor first is out of
    // it.
    error_code ignored;
    if (socket_.is_open()) ::close(socket_.release(ignored));
    gather_.cancel();
    on_hint_ = {};
  }

 private:
  void receive() {
    socket_.async_receive_from(asio::buffer(bytes_), from_,
                               [self = shared_from_this()](error_code error, std::size_t size) {
                                 if (error == asio::error::operation_aborted || !self->socket_.is_open()) return;
                                 if (!error) self->received({self->bytes_.data(), size});
                                 self->receive();
                               });
  }

  void received(std::string_view text) {
    if (gathering_ || !credentials_.open_hint(text)) return;
    gathering_ = true;
    gather_.expires_after(kGather);
    gather_.async_wait([self = shared_from_this()](error_code error) {
      self->gathering_ = false;
      if (!error && self->on_hint_) self->on_hint_();
    });
  }

  const base::RouterConfig& config_;
  const Credentials& credentials_;
  std::function<void()> on_hint_;
  udp::socket socket_;
  asio::steady_timer gather_;
  bool gathering_ = false;
  std::vector<udp::endpoint> peers_;
  udp::endpoint from_;
  std::array<char, 256> bytes_{};
};

HintSocket::HintSocket(asio::any_io_executor executor, const base::RouterConfig& config, const Credentials& credentials,
                       std::function<void()> on_hint)
    : impl_(std::make_shared<Impl>(std::move(executor), config, credentials, std::move(on_hint))) {}
HintSocket::~HintSocket() {
  impl_->close();
}
std::optional<std::string> HintSocket::open(int inherited) {
  return impl_->open(inherited);
}
int HintSocket::descriptor() const {
  return impl_->descriptor();
}
void HintSocket::send(core::NodeId node) {
  impl_->send(node);
}
void HintSocket::close() {
  impl_->close();
}

}  // namespace homing::net
