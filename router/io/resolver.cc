// SPDX-License-Identifier: Apache-2.0
#include "router/io/resolver.h"

#include <absl/container/flat_hash_map.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstring>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "router/core/check.h"
#include "router/io/waiting.h"

namespace homing::io {

namespace {

constexpr std::size_t kMaxNames = 1024;
constexpr std::int64_t kNotFoundMs = 1000;

using Found = std::optional<SocketAddress>;

// Shared by the loop that waits and the thread that looks; the loop may have gone on by the time it is found.
struct Asked {
  explicit Asked(Loop& loop) : event(loop), mailbox(loop.mailbox()) {}
  Event event;
  std::shared_ptr<Mailbox> mailbox;
  bool over = false;
  Found found;
};

// What was found, and who waits for what is being looked up: one thread a name, however many ask.
class Names {
 public:
  struct Known {
    Found address;
    std::int64_t until_ms = 0;
  };
  std::optional<Known> find(const std::string& name, std::int64_t now_ms) {
    const std::lock_guard lock(mutex_);
    const auto it = known_.find(name);
    if (it == known_.end() || it->second.until_ms < now_ms) return std::nullopt;
    return it->second;
  }
  // True: nobody is looking; the caller has to.
  bool wait(const std::string& name, std::shared_ptr<Asked> asked) {
    const std::lock_guard lock(mutex_);
    auto& waiting = asked_[name];
    waiting.push_back(std::move(asked));
    return waiting.size() == 1;
  }
  void tell(const std::string& name, const Known& known) {
    std::vector<std::shared_ptr<Asked>> waiting;
    {
      const std::lock_guard lock(mutex_);
      if (known_.size() >= kMaxNames) known_.clear();
      known_[name] = known;
      waiting = std::move(asked_[name]);
      asked_.erase(name);
    }
    for (auto& asked : waiting) {
      const auto mailbox = asked->mailbox;
      mailbox->post([asked = std::move(asked), found = known.address] {
        if (asked->over) return;
        asked->found = found;
        asked->event.set_now();
      });
    }
  }

 private:
  std::mutex mutex_;
  absl::flat_hash_map<std::string, Known> known_;
  absl::flat_hash_map<std::string, std::vector<std::shared_ptr<Asked>>> asked_;
};

// Never destroyed: a look-up may outlast main().
Names& names() {
  static Names& all = *new Names;
  return all;
}

std::optional<SocketAddress> look_up(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0 || found == nullptr) {
    return std::nullopt;
  }
  SocketAddress out;
  out.size = found->ai_addrlen;
  std::memcpy(&out.storage, found->ai_addr, found->ai_addrlen);
  ::freeaddrinfo(found);
  return out;
}

// Look-ups are rare, may last long, and cannot be cancelled: a thread of its own.
void look_for(const std::string& name, const std::string& host, std::uint16_t port, std::int64_t now_ms) {
  try {
    std::thread([name, host, port, now_ms] {
      const Found found = look_up(host, port);
      names().tell(name, {found, now_ms + (found ? kBelievedMs : kNotFoundMs)});
    }).detach();
  } catch (const std::system_error&) {  // no thread to be had
    names().tell(name, {std::nullopt, now_ms});
  }
}

}  // namespace

std::optional<SocketAddress> numeric_address(const std::string& host, std::uint16_t port) {
  SocketAddress out;
  auto& v4 = reinterpret_cast<sockaddr_in&>(out.storage);
  if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    out.size = sizeof(sockaddr_in);
    return out;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(out.storage);
  if (::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    out.size = sizeof(sockaddr_in6);
    return out;
  }
  return std::nullopt;
}

SocketAddress unix_address(const std::string& path) {
  SocketAddress out;
  auto& local = reinterpret_cast<sockaddr_un&>(out.storage);
  CHECK(path.size() < sizeof local.sun_path);
  local.sun_family = AF_UNIX;
  std::memcpy(local.sun_path, path.data(), path.size());
  out.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return out;
}

Task<std::optional<SocketAddress>> resolve(Loop& loop, std::string host, std::uint16_t port, std::int64_t limit_ms) {
  if (const auto address = numeric_address(host, port)) co_return address;
  const std::string name = host + ":" + std::to_string(port);
  if (const auto known = names().find(name, loop.now_ms())) co_return known->address;
  const auto asked = std::make_shared<Asked>(loop);
  if (names().wait(name, asked)) look_for(name, host, port, loop.now_ms());
  co_await asked->event.within(limit_ms);
  asked->over = true;
  co_return asked->found;
}

}  // namespace homing::io
