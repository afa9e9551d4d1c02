// SPDX-License-Identifier: Apache-2.0
#include "router/launcher/client.h"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <utility>

namespace homing::launcher {

namespace asio = boost::asio;
using boost::system::error_code;
using Socket = asio::local::stream_protocol::socket;

namespace {
constexpr std::chrono::milliseconds kFirstRetry{50};
constexpr std::chrono::milliseconds kLastRetry{1000};
// A launcher that reads nothing while a router has this much to say is stuck: the connection is given up.
constexpr std::size_t kMaxQueuedBytes = 4 * 1024 * 1024;
}  // namespace

class Client::Impl : public std::enable_shared_from_this<Client::Impl> {
 public:
  Impl(asio::any_io_executor executor, std::string path, std::string name, Handlers handlers)
      : socket_(executor),
        timer_(executor),
        path_(std::move(path)),
        name_(std::move(name)),
        handlers_(std::move(handlers)) {}

  void start() {
    if (running_) return;
    running_ = true;
    connect();
  }

  void stop() {
    running_ = false;
    connected_ = false;
    ++generation_;
    timer_.cancel();
    close_socket();
    handlers_ = {};
  }

  bool connected() const { return connected_; }

  bool send(const Request& request) {
    if (!connected_) return false;
    if (queued_.size() + writing_.size() > kMaxQueuedBytes) {
      close_socket();  // the pending read reports it
      return false;
    }
    queued_ += encode(request);
    write();
    return true;
  }

 private:
  void connect() {
    const std::uint64_t generation = ++generation_;
    asio::local::stream_protocol::endpoint endpoint;
    try {
      endpoint = asio::local::stream_protocol::endpoint(path_);
    } catch (const boost::system::system_error& error) {
      retry(std::string("the launcher's socket path is too long: ") + path_);
      return;
    }
    socket_ = Socket(socket_.get_executor());
    socket_.async_connect(endpoint, [self = shared_from_this(), generation](error_code error) {
      if (generation != self->generation_ || !self->running_) return;
      if (error) return self->retry("no launcher answers at " + self->path_ + ": " + error.message());
      self->on_connect();
    });
  }

  void on_connect() {
    connected_ = true;
    retry_after_ = kFirstRetry;
    reader_ = FrameReader(kMaxEventBytes);
    queued_ = encode(Request(Hello{.version = kProtocolVersion, .client = name_}));
    writing_.clear();
    write();
    read();
    if (handlers_.on_connected) handlers_.on_connected(true, "");
  }

  void read() {
    socket_.async_read_some(asio::buffer(chunk_),
                            [self = shared_from_this(), generation = generation_](error_code error, std::size_t n) {
                              if (generation != self->generation_ || !self->running_) return;
                              if (error) return self->lost("the launcher closed the connection: " + error.message());
                              self->reader_.append({self->chunk_.data(), n});
                              if (self->deliver(generation)) self->read();
                            });
  }

  // Returns false when the connection is over, by a bad frame or by a callback.
  bool deliver(std::uint64_t generation) {
    for (;;) {
      auto frame = reader_.next();
      if (!frame) return lost("the launcher sent " + frame.error()), false;
      if (!*frame) return true;
      auto event = decode_event(**frame);
      if (!event) return lost("the launcher sent rubbish: " + event.error()), false;
      // A copy: the callback may call stop(), which drops the handlers.
      if (auto on_event = handlers_.on_event) on_event(*event);
      if (generation != generation_ || !running_) return false;
    }
  }

  void write() {
    if (!writing_.empty() || queued_.empty()) return;
    std::swap(writing_, queued_);
    asio::async_write(socket_, asio::buffer(writing_),
                      [self = shared_from_this(), generation = generation_](error_code error, std::size_t) {
                        if (generation != self->generation_ || !self->running_) return;
                        self->writing_.clear();
                        if (error) return self->close_socket();  // the pending read reports it
                        self->write();
                      });
  }

  void lost(const std::string& why) {
    const bool was = std::exchange(connected_, false);
    close_socket();
    const std::uint64_t generation = generation_;
    if (auto on_connected = handlers_.on_connected; was && on_connected) on_connected(false, why);
    if (generation == generation_ && running_) retry(why);
  }

  void retry(const std::string&) {
    const std::uint64_t generation = ++generation_;
    timer_.expires_after(std::exchange(retry_after_, std::min(retry_after_ * 2, kLastRetry)));
    timer_.async_wait([self = shared_from_this(), generation](error_code error) {
      if (!error && generation == self->generation_ && self->running_) self->connect();
    });
  }

  void close_socket() {
    error_code ignored;
    socket_.close(ignored);
  }

  Socket socket_;
  asio::steady_timer timer_;
  std::string path_;
  std::string name_;
  Handlers handlers_;
  FrameReader reader_{kMaxEventBytes};
  std::array<char, 16 * 1024> chunk_{};
  std::string queued_;
  std::string writing_;
  std::chrono::milliseconds retry_after_ = kFirstRetry;
  std::uint64_t generation_ = 0;  // counts connections and attempts, so that late completions are recognised
  bool running_ = false;
  bool connected_ = false;
};

Client::Client(asio::any_io_executor executor, std::string socket_path, std::string name, Handlers handlers)
    : impl_(std::make_shared<Impl>(std::move(executor), std::move(socket_path), std::move(name), std::move(handlers))) {
}

Client::~Client() {
  stop();
}
void Client::start() {
  impl_->start();
}
void Client::stop() {
  impl_->stop();
}
bool Client::connected() const {
  return impl_->connected();
}
bool Client::send(const Request& request) {
  return impl_->send(request);
}

}  // namespace homing::launcher
