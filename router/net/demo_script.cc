// SPDX-License-Identifier: Apache-2.0
//
// The story that `homing-router demo --script` tells. Every sentence about what happened is a fact that was looked at;
// where it is not what was promised, the line begins with "NOT AS PROMISED" and the exit status is 1.
#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "router/net/demo.h"
#include "router/net/demo_person.h"
#include "router/net/demo_work.h"

namespace homing::net {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::array<const char*, 6> kPeople = {"ada", "bob", "cleo", "dan", "eve", "fay"};

struct Facts {
  std::string state;
  std::string node;
  std::string reason;
  std::int64_t epoch = 0;
};

struct Visitor {
  explicit Visitor(std::string name, const Credentials& credentials) : person(std::move(name), credentials) {}
  Person person;
  std::string session;
  std::unique_ptr<Work> work;
  int value = 0;
  Facts at;
  std::string before;  // node before the deaths
};

class Story {
 public:
  Story(DemoCluster& cluster, std::string kind)
      : cluster_(cluster), kind_(std::move(kind)), credentials_(cluster.secret()) {}

  int tell() {
    for (const auto& step : {&Story::start_sessions, &Story::do_work, &Story::kill_a_node, &Story::kill_a_router,
                             &Story::start_the_lost_again}) {
      if (!demo_interrupted()) (this->*step)();
      if (stuck_) break;
    }
    if (demo_interrupted()) {
      fmt::print("\nInterrupted.\n");
      return 130;
    }
    fmt::print("\n{}\n", broken_
                             ? "The demo did NOT go as promised; the logs say why."
                             : "All as promised: a dead node cost its own sessions and nobody else anything; a dead "
                               "router cost nobody anything.");
    std::fflush(stdout);
    return broken_ ? 1 : 0;
  }

 private:
  std::size_t size() const { return cluster_.nodes().size(); }
  const DemoCluster::Node& node(std::size_t i) const { return cluster_.nodes()[i]; }
  const base::Endpoint& address(std::size_t i) const { return node(i).address; }

  template <class... A>
  void line(fmt::format_string<A...> text, A&&... arguments) {
    fmt::print("  {}\n", fmt::format(text, std::forward<A>(arguments)...));
    std::fflush(stdout);
  }
  void chapter(const std::string& title) {
    fmt::print("\n{}\n", title);
    std::fflush(stdout);
  }
  void wrong(const std::string& what, bool stuck = false) {
    line("NOT AS PROMISED: {}", what);
    broken_ = true;
    stuck_ = stuck_ || stuck;
  }
  double since(Clock::time_point begin) const { return std::chrono::duration<double>(Clock::now() - begin).count(); }

  bool wait(const std::function<bool()>& condition, seconds patience) {
    const auto until = Clock::now() + patience;
    while (!condition()) {
      if (Clock::now() > until || demo_interrupted()) return false;
      std::this_thread::sleep_for(milliseconds(50));
    }
    return true;
  }

  std::optional<std::size_t> index_of(const std::string& name) const {
    for (std::size_t i = 0; i < size(); ++i) {
      if (node(i).name == name) return i;
    }
    return std::nullopt;
  }

  // A node that is up and does not hold the session, other than `avoid` if possible.
  std::size_t other_than(const std::string& holder, std::size_t prefer) const {
    for (std::size_t k = 0; k < size(); ++k) {
      const std::size_t i = (prefer + k) % size();
      if (node(i).router > 0 && node(i).name != holder) return i;
    }
    return prefer;
  }

  // What the router says of the person's session.
  std::optional<Facts> facts(Visitor& v, std::size_t router) {
    const HttpAnswer answer = v.person.ask(address(router), "GET", "/api/sessions/" + v.session);
    if (answer.status != 200) return std::nullopt;
    boost::system::error_code error;
    const auto value = boost::json::parse(answer.body, error);
    if (error || !value.is_object()) return std::nullopt;
    const auto text = [&value](const char* name) {
      const auto* member = value.as_object().if_contains(name);
      return member != nullptr && member->is_string() ? std::string(member->as_string().c_str()) : std::string();
    };
    Facts out{.state = text("state"), .node = text("node"), .reason = text("reason")};
    if (const auto* epoch = value.as_object().if_contains("epoch"); epoch != nullptr && epoch->is_int64())
      out.epoch = epoch->as_int64();
    return out;
  }

  bool wait_ready(Visitor& v, std::size_t router) {
    return wait(
        [&] {
          const auto now = facts(v, router);
          if (now) v.at = *now;
          return now && now->state == "ready";
        },
        seconds(90));
  }

  void start_sessions() {
    chapter(fmt::format("1. {} people sign in at different machines and start {}.", people(), kind_));
    for (std::size_t i = 0; i < people(); ++i) {
      visitors_.push_back(std::make_unique<Visitor>(kPeople[i], credentials_));
      Visitor& v = *visitors_.back();
      const std::size_t router = i % size();
      const auto begin = Clock::now();
      const HttpAnswer made =
          v.person.ask(address(router), "POST", "/api/sessions", fmt::format("{{\"kind\":\"{}\"}}", kind_));
      boost::system::error_code error;
      const auto value = boost::json::parse(made.body, error);
      const auto* id = error || !value.is_object() ? nullptr : value.as_object().if_contains("id");
      if (made.status != 201 || id == nullptr) {
        wrong(
            fmt::format("{} at {}: {} {} {}", v.person.name(), node(router).name, made.status, made.reason, made.error),
            true);
        return;
      }
      v.session = id->as_string().c_str();
      v.work = std::make_unique<Work>(v.person, kind_, "/s/" + v.session + "/");
      v.value = 11 * (static_cast<int>(i) + 1);
      if (!wait_ready(v, router)) {
        wrong(fmt::format("{}'s session is {} {} after 90 s", v.person.name(), v.at.state, v.at.reason), true);
        return;
      }
      line("{:<5} asked {}; the session runs on {}, ready after {:.1f} s", v.person.name(), node(router).name,
           v.at.node, since(begin));
    }
  }

  void do_work() {
    const bool jupyter = kind_ == "jupyter";
    chapter(jupyter ? "2. Each runs a cell over the WebSocket, through a router that does not hold the session."
                    : "2. Each counts over the WebSocket, through a router that does not hold the session.");
    for (std::size_t i = 0; i < visitors_.size(); ++i) {
      Visitor& v = *visitors_[i];
      const std::size_t router = other_than(v.at.node, i);
      const auto begin = Clock::now();
      const auto seen = v.work->remember(address(router), v.value);
      if (!seen || *seen != std::to_string(v.value)) {
        wrong(fmt::format("{} through {}: {}", v.person.name(), node(router).name, seen ? *seen : seen.error()));
        continue;
      }
      line("{:<5} through {} to {}: {} -> {}   ({:.1f} s)", v.person.name(), node(router).name, v.at.node,
           jupyter ? fmt::format("work = {}; print(work)", v.value) : fmt::format("{} times +1", v.value), *seen,
           since(begin));
    }
  }

  void kill_a_node() {
    // The node with the fewest sessions, but some; the last one of those, so that n1 stays for the next chapter.
    std::map<std::string, int> held;
    for (const auto& v : visitors_) ++held[v->at.node];
    std::size_t victim = size() - 1;
    for (std::size_t i = 0; i < size(); ++i) {
      const int n = held[node(i).name];
      if (n > 0 && (held[node(victim).name] == 0 || n <= held[node(victim).name])) victim = i;
    }
    dead_ = node(victim).name;
    chapter(fmt::format("3. Node {} dies: its router, its launcher and its sessions are killed at once.", dead_));
    for (auto& v : visitors_) v->before = v->at.node;
    const auto begin = Clock::now();
    cluster_.kill_node(victim);
    bool first = true;
    for (std::size_t i = 0; i < visitors_.size(); ++i) {
      Visitor& v = *visitors_[i];
      if (v.before != dead_) continue;
      const std::size_t router = other_than(dead_, i);
      if (first) {
        const HttpAnswer page = v.person.ask(address(router), "GET", v.work->url(), "", true);
        line("at once      {} opens the page through {} and is told: {} ({})", v.person.name(), node(router).name,
             page.status, page.reason);
        first = false;
      }
      if (!wait(
              [&] {
                const auto now = facts(v, router);
                if (now) v.at = *now;
                return now && now->state == "lost";
              },
              seconds(60))) {
        wrong(fmt::format("{}'s session on {} is \"{}\", not lost", v.person.name(), dead_, v.at.state));
        continue;
      }
      line("after {:4.1f} s  {} lost the session: {}", since(begin), v.person.name(), v.at.reason);
      const HttpAnswer page = v.person.ask(address(router), "GET", v.work->url(), "", true);
      if (page.status != 503 || page.reason != "lost")
        wrong(fmt::format("the page says {} ({})", page.status, page.reason));
    }
    check_the_others(dead_);
  }

  // Everybody but the holders of `except` still has what was put there.
  void check_the_others(const std::string& except) {
    for (std::size_t i = 0; i < visitors_.size(); ++i) {
      Visitor& v = *visitors_[i];
      if (v.before == except) continue;
      const std::size_t router = other_than(v.at.node, i + 1);
      const auto seen = v.work->recall(address(router));
      if (!seen || *seen != std::to_string(v.value)) {
        wrong(fmt::format("{} on {} through {}: {}", v.person.name(), v.at.node, node(router).name,
                          seen ? *seen : seen.error()));
      } else {
        line("{:<5} on {} lost nothing: {} is still {}", v.person.name(), v.at.node,
             kind_ == "jupyter" ? "work" : "the counter", *seen);
      }
    }
  }

  void kill_a_router() {
    std::optional<std::size_t> victim;
    for (const auto& v : visitors_) {
      if (v->before != dead_ && !victim) victim = index_of(v->at.node);
    }
    if (!victim) return;
    const std::string name = node(*victim).name;
    chapter(fmt::format("4. Only the router of {} is killed. Its launcher and its sessions live.", name));
    Visitor* cut = nullptr;
    for (auto& v : visitors_) {
      if (v->at.node == name && v->before != dead_ && cut == nullptr) cut = v.get();
    }
    const std::size_t router = other_than(name, *victim + 1);
    auto tunnel = cut->person.open_tunnel(address(router), tunnel_target(*cut));
    cluster_.kill_router(*victim);
    const auto begin = Clock::now();
    if (tunnel) {
      while (tunnel->receive(seconds(10))) {
      }
      line("{} was connected through {}: the WebSocket was cut", cut->person.name(), node(router).name);
    }
    const HttpAnswer page = cut->person.ask(address(router), "GET", cut->work->url(), "", true);
    line("{} reloads the page and is told: {} ({})", cut->person.name(), page.status, page.reason);
    cluster_.start_router(*victim);
    line("the router is started again, as systemd would");
    if (!wait([&] { return cluster_.ready(*victim); }, seconds(60))) {
      wrong(fmt::format("the router of {} is not ready again", name));
      return;
    }
    if (!wait([&] { return static_cast<bool>(cut->work->recall(address(router))); }, seconds(30))) wrong("still cut");
    line("after {:.1f} s everybody is back:", since(begin));
    check_the_others(dead_);
  }

  std::string tunnel_target(const Visitor& v) const {
    return kind_ == "jupyter" ? v.work->channels() : v.work->url() + "ws";
  }

  void start_the_lost_again() {
    chapter("5. The lost ones start again elsewhere, on their owners' click and not before.");
    for (std::size_t i = 0; i < visitors_.size(); ++i) {
      Visitor& v = *visitors_[i];
      if (v.before != dead_) continue;
      const std::size_t router = other_than(dead_, i);
      if (const auto now = facts(v, router); now && now->state != "lost") {
        wrong(fmt::format("{}'s session is \"{}\" before the click", v.person.name(), now->state));
      }
      const std::int64_t epoch = v.at.epoch;
      const auto begin = Clock::now();
      const HttpAnswer click = v.person.ask(address(router), "POST", "/api/sessions/" + v.session + "/restart");
      if (click.status != 200 || !wait_ready(v, router)) {
        wrong(fmt::format("{}'s click: {} {}, then \"{}\" {}", v.person.name(), click.status, click.reason, v.at.state,
                          v.at.reason));
        continue;
      }
      v.work->forget_kernel();
      const auto seen = v.work->recall(address(other_than(v.at.node, i)));
      line("{:<5} clicked at {}; the same address now runs on {} (epoch {} -> {}), ready after {:.1f} s",
           v.person.name(), node(router).name, v.at.node, epoch, v.at.epoch, since(begin));
      line("      a new process: {}",
           seen ? (kind_ == "jupyter" ? "print(work) -> " : "the counter is ") + *seen : seen.error());
      if (v.at.node == dead_ || v.at.epoch <= epoch) wrong("the session is not in a new place with a higher epoch");
    }
  }

  std::size_t people() const { return std::min(kPeople.size(), 2 * size() - (size() > 1 ? 1 : 0)); }

  DemoCluster& cluster_;
  std::string kind_;
  Credentials credentials_;
  std::vector<std::unique_ptr<Visitor>> visitors_;
  std::string dead_;
  bool broken_ = false;
  bool stuck_ = false;
};

}  // namespace

int tell_demo_story(DemoCluster& cluster, const std::string& kind) {
  if (cluster.nodes().size() < 3) {
    fmt::print(stderr, "homing-router demo: the story needs at least 3 nodes\n");
    return 2;
  }
  return Story(cluster, kind).tell();
}

}  // namespace homing::net
