// SPDX-License-Identifier: Apache-2.0
//
// Server's part of an upgrade (upgrade.h): handing over, and what a router does that has handed over.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <future>
#include <utility>

#include "router/io/waiting.h"
#include "router/net/server.h"
#include "router/net/tunnel.h"
#include "router/net/upgrade.h"

namespace homing::net {

namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

constexpr milliseconds kPrepare{30'000};  // until the new router has read and opened everything
constexpr milliseconds kHold{5'000};
constexpr milliseconds kLook{100};
constexpr milliseconds kWindow{60'000};  // over which tunnels are closed, when the deadline leaves room for it
constexpr milliseconds kLastWords{60'000};
constexpr std::int64_t kStepMs = 50;
constexpr std::uint16_t kServiceRestart = 1012;

// A share of them at each step, so that not everybody comes back at the same moment.
io::Task<void> close_tunnels(Worker& worker, milliseconds window) {
  const std::int64_t began = worker.loop.now_ms();
  const std::size_t all = worker.tunnels.size();
  for (std::size_t told = 0; !worker.loop.closing();) {
    const std::int64_t passed = worker.loop.now_ms() - began;
    const bool over = passed >= window.count();
    const auto due = over ? all : all * static_cast<std::size_t>(passed) / static_cast<std::size_t>(window.count());
    std::vector<Tunnel*> open;
    for (Tunnel* tunnel : worker.tunnels) {
      if (!tunnel->told()) open.push_back(tunnel);
    }
    if (open.empty()) co_return;
    for (std::size_t i = 0; i < open.size() && (told < due || over); ++i, ++told) {
      if (worker.tunnels.contains(open[i])) open[i]->close_soon(kServiceRestart, "service restart");
    }
    co_await io::Sleep(worker.loop, kStepMs);
  }
}

}  // namespace

// Runs it on the control thread and waits for that.
bool Server::on_control(std::function<void(std::function<void()>)> call) {
  const auto done = std::make_shared<std::promise<void>>();
  std::future<void> result = done->get_future();
  asio::post(control_, [call = std::move(call), done] { call([done] { done->set_value(); }); });
  return result.wait_for(kHold) == std::future_status::ready;
}

std::expected<Server::HandedOver, std::string> Server::upgrade(const std::string& binary) {
  if (handed_over_) return std::unexpected("this router has handed over already");
  std::vector<std::string> command = options_.command;
  if (!binary.empty() && !command.empty()) command.front() = binary;
  std::vector<Handed> handed;
  for (const auto& listener : listeners_) {
    handed.push_back({std::string(to_string(listener->door)), listener->where, listener->watch.fd()});
  }
  const auto hints = std::make_shared<std::atomic<int>>(-1);
  on_control([this, hints](const std::function<void()>& done) {
    *hints = driver_->hint_descriptor();
    done();
  });
  handed.push_back({"hints", config_.this_node().peer_address.text(), *hints});
  auto started = Successor::start(command, handed);
  if (!started) return std::unexpected(started.error());
  log_.info("upgrade.began", {{"binary", command.front()}, {"process", started->pid()}});
  std::optional<Successor> next(std::move(*started));
  auto said = next->wait_for("prepared", kPrepare);
  if (said) {
    if (on_control([this](const std::function<void()>& done) { driver_->hold(done); })) {
      next->say("go");
      // Longer, and others would believe that this node is gone.
      said = next->wait_for(
          "ready",
          std::chrono::duration_cast<milliseconds>(config_.core.lease_ttl - config_.core.lease_margin) * 3 / 4);
    } else {
      said = std::unexpected("store or launcher do not answer, so what was ordered last is not known to them");
    }
    if (!said) {
      next.reset();  // never two who order
      asio::post(control_, [this] { driver_->release(); });
    }
  }
  if (!said) {
    log_.warn("upgrade.failed", {{"binary", command.front()}, {"why", said.error()}});
    return std::unexpected(said.error());
  }
  const HandedOver done{next->keep(), ::getpid(), traffic_.counters.tunnels_open.load(),
                        milliseconds(settings_->limits.upgrade)};
  handed_over_ = true;
  asio::post(control_, [this, done] { retire(done); });
  return done;
}

// The new router serves. What this one still has it keeps to its end, and orders nothing.
void Server::retire(const HandedOver& to) {
  log_.info("upgrade.handed_over",
            {{"to", to.process}, {"tunnels", to.tunnels}, {"at_most_s", to.keeps.count() / 1000}});
  tell_service_manager(to.process);
  driver_->stop();
  workers_.front()->loop.post([this] {
    for (auto& listener : listeners_) {
      if (listener->watch.abandoned()) continue;
      listener->watch.abandon();
      ::close(listener->fd);
    }
  });
  for (auto& worker : workers_) {
    worker->loop.post([w = worker.get()] {
      w->retiring = true;
      w->idle.clear();
      for (io::Stream* client : w->clients) client->wake_reader();
    });
  }
  deadline_ = std::chrono::steady_clock::now() + to.keeps;
  window_ = std::min(kWindow, to.keeps / 4);
  look_again();
}

void Server::look_again() {
  retire_timer_.expires_after(kLook);
  retire_timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    const auto now = std::chrono::steady_clock::now();
    const bool empty = traffic_.counters.connections_open.load() == 0;
    if (empty || now > deadline_ + window_ + kLastWords) {
      log_.info("upgrade.retired", {{"connections", traffic_.counters.connections_open.load()}});
      return control_.stop();
    }
    if (now > deadline_ && !tunnels_told_) {
      tunnels_told_ = true;
      log_.info("upgrade.closing_tunnels",
                {{"tunnels", traffic_.counters.tunnels_open.load()}, {"within_ms", window_.count()}});
      for (auto& worker : workers_) {
        worker->loop.post([w = worker.get(), window = window_] { io::spawn(close_tunnels(*w, window)); });
      }
    }
    look_again();
  });
}

}  // namespace homing::net
