// SPDX-License-Identifier: Apache-2.0
#include "tests/e2e/cluster_fixture.h"

#include <unistd.h>

#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace homing::testing {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  if (in) out << in.rdbuf();
  return out.str();
}

boost::json::object object_of(const std::string& text) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(text, error);
  return error || !value.is_object() ? boost::json::object() : value.as_object();
}

std::string member(const boost::json::object& object, const char* name) {
  const boost::json::value* value = object.if_contains(name);
  if (value == nullptr) return "";
  return value->is_string() ? std::string(value->as_string().c_str()) : boost::json::serialize(*value);
}

}  // namespace

bool eventually(const std::function<bool()>& condition) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (;;) {
    if (condition()) return true;
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

void ClusterFixture::set_up(net::DemoClusterOptions options) {
  // Tests of several checkouts may run side by side: begin to look for ports at different places.
  options.port = static_cast<std::uint16_t>(10'000 + ::getpid() % 8'000 * 4);
  auto cluster = net::DemoCluster::make(options);
  ASSERT_TRUE(cluster.has_value()) << cluster.error();
  cluster_.emplace(std::move(*cluster));
  directory_ = cluster_->directory();
  credentials_.emplace(cluster_->secret());
  cluster_->start_all();
  ASSERT_TRUE(cluster_->wait_ready(std::chrono::seconds(60))) << logs();
}

void ClusterFixture::TearDown() {
  if (HasFailure()) std::fputs(logs().c_str(), stderr);
  cluster_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::size_t ClusterFixture::index_of(const std::string& node) const {
  for (std::size_t i = 0; i < nodes().size(); ++i) {
    if (nodes()[i].name == node) return i;
  }
  ADD_FAILURE() << "no node " << node;
  return 0;
}

std::string ClusterFixture::new_session(net::Person& person, std::size_t node) {
  const net::HttpAnswer made = person.ask(at(node), "POST", "/api/sessions", "{\"kind\":\"notepad\"}");
  const std::string id = member(object_of(made.body), "id");
  EXPECT_EQ(made.status, 201) << made.reason << made.error << made.body;
  if (id.empty() || !becomes(person, node, id, "ready")) return "";
  return id;
}

SessionFacts ClusterFixture::facts(net::Person& person, std::size_t node, const std::string& session) {
  const net::HttpAnswer answer = person.ask(at(node), "GET", "/api/sessions/" + session);
  const boost::json::object object = object_of(answer.body);
  SessionFacts out{.status = answer.status,
                   .state = member(object, "state"),
                   .node = member(object, "node"),
                   .reason = member(object, "reason")};
  if (const auto* epoch = object.if_contains("epoch"); epoch != nullptr && epoch->is_int64())
    out.epoch = epoch->as_int64();
  return out;
}

bool ClusterFixture::becomes(net::Person& person, std::size_t node, const std::string& session,
                             const std::string& state) {
  return eventually([&] { return facts(person, node, session).state == state; });
}

std::string ClusterFixture::who(net::Person& person, std::size_t node, const std::string& session,
                                const std::string& name) {
  const net::HttpAnswer answer = person.ask(at(node), "GET", "/s/" + session + "/api/who");
  return answer.status == 200 ? member(object_of(answer.body), name.c_str()) : "";
}

std::string ClusterFixture::session_on(std::size_t wanted, net::Person& person) {
  for (int i = 0; i < 12; ++i) {
    const std::string session = new_session(person, wanted);
    if (session.empty()) return "";
    if (facts(person, wanted, session).node == nodes()[wanted].name) return session;
  }
  return "";
}

std::vector<pid_t> ClusterFixture::processes_of(const std::string& session) const {
  std::vector<pid_t> out;
  for (std::size_t i = 0; i < nodes().size(); ++i) {
    for (const pid_t pid : cluster_->session_processes(i)) {
      if (read_file("/proc/" + std::to_string(pid) + "/cmdline").find("/s/" + session + "/") != std::string::npos) {
        out.push_back(pid);
      }
    }
  }
  return out;
}

std::string ClusterFixture::logs() const {
  std::string out;
  if (!cluster_) return out;
  for (std::size_t i = 0; i < nodes().size(); ++i) {
    for (const char* program : {"launcher", "router"}) {
      std::string text = read_file(cluster_->log_of(i, program));
      if (text.size() > 20'000) text.erase(0, text.size() - 20'000);
      out += "---- " + nodes()[i].name + " " + program + "\n" + text;
    }
  }
  return out;
}

}  // namespace homing::testing
