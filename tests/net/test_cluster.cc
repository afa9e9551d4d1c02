// SPDX-License-Identifier: Apache-2.0
#include "tests/net/test_cluster.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <chrono>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "router/launcher/notepad.h"
#include "router/launcher/protocol.h"

namespace homing::net {

namespace asio = boost::asio;
using boost::system::error_code;

using Local = asio::local::stream_protocol;
constexpr auto kUse = asio::as_tuple(asio::use_awaitable);

void RawScript::set(std::string what, bool and_stays) {
  const std::lock_guard lock(mutex);
  answer = std::move(what);
  stays = and_stays;
  received.clear();
  connections = 0;
  bytes_of.clear();
}

std::uint64_t RawScript::bytes_at(const std::string& process) {
  const std::lock_guard lock(mutex);
  return bytes_of[process];
}

std::string RawScript::seen() {
  const std::lock_guard lock(mutex);
  return received;
}

// ---------------------------------------------------------------- the launcher's stand-in

class TestLauncher {
 public:
  TestLauncher(const std::string& directory, const std::string& node, std::uint64_t machine, RawScript& raw)
      : directory_(directory), node_(node), machine_(machine), raw_(raw) {
    std::filesystem::create_directories(directory_ + "/s");
    acceptor_.open(Local());
    acceptor_.bind(Local::endpoint(directory_ + "/launcher.sock"));
    acceptor_.listen();
    asio::co_spawn(io_, accept(), asio::detached);
    thread_ = std::thread([this] { io_.run(); });
  }
  ~TestLauncher() {
    io_.stop();
    thread_.join();
    for (auto& [key, session] : sessions_) session.acceptor.reset();  // while its loop exists
  }

  void kill(const core::SessionId& id) {
    asio::post(io_, [this, id] {
      const auto it = std::ranges::find_if(sessions_, [&id](const auto& entry) { return entry.first.first == id; });
      if (it == sessions_.end()) return;
      it->second.acceptor->close();
      for (const auto& connection : it->second.connections) {
        if (const auto socket = connection.lock()) socket->close();
      }
      launcher::Ended ended;
      ended.session = id;
      ended.epoch = it->first.second;
      ended.signal = 9;
      ended.text = "killed by the test";
      sessions_.erase(it);
      const std::string frame = launcher::encode(ended);
      for (const auto& router : routers_) {
        error_code ignored;
        if (const auto socket = router.lock()) asio::write(*socket, asio::buffer(frame), ignored);
      }
    });
  }

 private:
  struct Session {
    std::string kind;
    launcher::Endpoint endpoint;
    launcher::Start start;
    std::unique_ptr<launcher::Notepad> notepad;
    std::shared_ptr<Local::acceptor> acceptor;
    std::vector<std::weak_ptr<Local::socket>> connections;  // of a raw one
  };

  asio::awaitable<void> accept() {
    for (;;) {
      auto [error, socket] = co_await acceptor_.async_accept(kUse);
      if (error) co_return;
      const auto router = std::make_shared<Local::socket>(std::move(socket));
      routers_.push_back(router);
      asio::co_spawn(io_, talk(router), asio::detached);
    }
  }

  asio::awaitable<void> talk(std::shared_ptr<Local::socket> socket) {
    launcher::FrameReader reader(launcher::kMaxRequestBytes);
    std::array<char, 4096> bytes;
    for (;;) {
      const auto [error, n] = co_await socket->async_read_some(asio::buffer(bytes), kUse);
      if (error) co_return;
      reader.append({bytes.data(), n});
      for (auto frame = reader.next(); frame && *frame; frame = reader.next()) {
        const auto request = launcher::decode_request(**frame);
        EXPECT_TRUE(request) << request.error();
        if (!request) co_return;
        std::string out;
        for (const launcher::Event& event : answer(*request)) out += launcher::encode(event);
        co_await asio::async_write(*socket, asio::buffer(out), kUse);
      }
    }
  }

  std::vector<launcher::Event> answer(const launcher::Request& request) {
    if (std::holds_alternative<launcher::Hello>(request)) {
      launcher::Inventory inventory;
      for (const auto& [key, session] : sessions_) {
        launcher::SessionInfo info;
        info.session = session.start.session;
        info.epoch = session.start.epoch;
        info.state = launcher::ProcessState::kRunning;
        info.kind = session.kind;
        info.user = session.start.user;
        info.prefix = session.start.prefix;
        info.endpoint = session.endpoint;
        inventory.sessions.push_back(info);
      }
      return {launcher::Welcome{launcher::kProtocolVersion, node_, machine_, core::Instant{}}, inventory};
    }
    if (const auto* start = std::get_if<launcher::Start>(&request)) return {begin(*start)};
    if (const auto* kill = std::get_if<launcher::Kill>(&request)) {
      const auto it = sessions_.find({kill->session, kill->epoch});
      if (it == sessions_.end()) return {};
      it->second.acceptor->close();
      if (it->second.notepad) retired_.push_back(std::move(it->second.notepad));
      sessions_.erase(it);
      launcher::Ended ended;
      ended.session = kill->session;
      ended.epoch = kill->epoch;
      ended.on_request = true;
      return {ended};
    }
    return {};
  }

  launcher::Event begin(const launcher::Start& start) {
    if (start.kind == "broken") {
      return launcher::Failed{start.session, start.epoch, launcher::FailReason::kCommand,
                              "the command is broken on purpose"};
    }
    Session session;
    session.kind = start.kind;
    session.start = start;
    if (start.kind == "outside") {
      session.endpoint.unix_path = directory_ + "/outside.sock";
      const launcher::Started started{start.session, start.epoch, session.endpoint};
      session.acceptor = std::make_shared<Local::acceptor>(io_);
      sessions_[{start.session, start.epoch}] = std::move(session);
      return started;
    }
    session.endpoint.unix_path = fmt::format("{}/s/{}", directory_, ++count_);
    session.acceptor = std::make_shared<Local::acceptor>(io_, Local::endpoint(session.endpoint.unix_path));
    if (start.kind.starts_with("raw")) {
      asio::co_spawn(io_, serve_raw(session.acceptor, {start.session, start.epoch}), asio::detached);
    } else {
      launcher::NotepadOptions options;
      options.prefix = start.prefix;
      options.session = start.prefix;
      options.user = start.user;
      options.node = node_;
      options.epoch = start.epoch.value;
      session.notepad = std::make_unique<launcher::Notepad>(options);
      asio::co_spawn(io_, serve_notepad(session.acceptor, session.notepad.get()), asio::detached);
    }
    const launcher::Started started{start.session, start.epoch, session.endpoint};
    sessions_[{start.session, start.epoch}] = std::move(session);
    return started;
  }

  asio::awaitable<void> serve_notepad(std::shared_ptr<Local::acceptor> acceptor, launcher::Notepad* notepad) {
    for (;;) {
      auto [error, socket] = co_await acceptor->async_accept(kUse);
      if (error) co_return;
      asio::co_spawn(io_, notepad->serve(asio::generic::stream_protocol::socket(std::move(socket))), asio::detached);
    }
  }

  asio::awaitable<void> serve_raw(std::shared_ptr<Local::acceptor> acceptor,
                                  std::pair<core::SessionId, core::Epoch> key) {
    const std::string process = fmt::format("{} {}", node_, key.second.value);
    for (;;) {
      auto [error, accepted] = co_await acceptor->async_accept(kUse);
      if (error) co_return;
      const auto socket = std::make_shared<Local::socket>(std::move(accepted));
      if (const auto it = sessions_.find(key); it != sessions_.end()) it->second.connections.push_back(socket);
      asio::co_spawn(io_, one_raw(socket, process), asio::detached);
    }
  }

  asio::awaitable<void> one_raw(std::shared_ptr<Local::socket> socket, std::string process) {
    std::array<char, 4096> bytes;
    bool answered = false;
    {
      const std::lock_guard lock(raw_.mutex);
      ++raw_.connections;
    }
    std::string head;
    for (;;) {
      const auto [error, n] = co_await socket->async_read_some(asio::buffer(bytes), kUse);
      if (error) co_return;
      if (!answered) head.append(bytes.data(), n);
      std::string answer;
      bool stays = false;
      {
        const std::lock_guard lock(raw_.mutex);
        if (raw_.received.size() < RawScript::kKept) raw_.received.append(bytes.data(), n);
        raw_.bytes_of[process] += n;
        answer = raw_.answer;
        stays = raw_.stays;
      }
      if (answered || head.find("\r\n\r\n") == std::string::npos) continue;
      answered = true;
      co_await asio::async_write(*socket, asio::buffer(answer), kUse);
      if (!stays) co_return;
    }
  }

  const std::string directory_;
  const std::string node_;
  const std::uint64_t machine_;
  RawScript& raw_;
  std::map<std::pair<core::SessionId, core::Epoch>, Session> sessions_;
  std::vector<std::unique_ptr<launcher::Notepad>> retired_;
  std::vector<std::weak_ptr<Local::socket>> routers_;
  int count_ = 0;
  asio::io_context io_;  // last: what it holds refers to the notepads
  Local::acceptor acceptor_{io_};
  std::thread thread_;
};

// ---------------------------------------------------------------- the cluster

namespace {

// Different ports, all free a moment ago.
std::vector<std::uint16_t> free_ports(int count) {
  asio::io_context io;
  std::vector<asio::ip::tcp::acceptor> held;
  std::vector<std::uint16_t> ports;
  for (int i = 0; i < count; ++i) {
    held.emplace_back(io, asio::ip::tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0));
    ports.push_back(held.back().local_endpoint().port());
  }
  return ports;
}

}  // namespace

TestCluster::TestCluster(Options options) : options_(std::move(options)) {
  std::string pattern = (std::filesystem::temp_directory_path() / "homing-net-XXXXXX").string();
  EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
  directory_ = pattern;
  const std::string secret = "a secret of at least 32 bytes, for tests only";
  std::ofstream(directory_ + "/secret") << secret;
  ::chmod((directory_ + "/secret").c_str(), 0600);
  credentials_ = std::make_unique<Credentials>(secret);
  const std::vector<std::uint16_t> ports = free_ports(3 * options_.nodes);
  for (int i = 0; i < options_.nodes; ++i) {
    const auto at = static_cast<std::size_t>(3 * i);
    nodes_.push_back(std::make_unique<Node>());
    nodes_.back()->name = fmt::format("n{}", i + 1);
    nodes_.back()->port = ports[at];
    nodes_.back()->peer_port = ports[at + 1];
    nodes_.back()->launcher_port = ports[at + 2];
  }
  std::ofstream(directory_ + "/homing.toml") << config_text();
  for (int i = 0; i < options_.nodes; ++i) {
    Node& at = node(i);
    at.launcher =
        std::make_unique<TestLauncher>(directory_ + "/" + at.name, at.name, 1000 + static_cast<std::uint64_t>(i), raw_);
    start_router(i);
  }
  for (int i = 0; i < options_.nodes; ++i) wait_until_ready(i);
}

TestCluster::~TestCluster() {
  for (int i = 0; i < size(); ++i) stop_router(i);
  nodes_.clear();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::string TestCluster::config_text() const {
  std::string text = "format = 1\nstate-dir = \"{node}\"\nsecret-file = \"secret\"\n[store]\npath = \"store.sqlite\"\n";
  for (const auto& at : nodes_) {
    text += fmt::format(
        "[[node]]\nname = \"{}\"\naddress = \"127.0.0.1:{}\"\npeer-address = \"127.0.0.1:{}\"\n"
        "launcher-address = \"127.0.0.1:{}\"\n",
        at->name, at->port, at->peer_port, at->launcher_port);
  }
  text += "[listen]\ntrusted-socket = \"{node}/trusted.sock\"\n" + options_.listen;
  for (const char* kind : {"notepad", "raw", "broken", "outside"}) {
    text += fmt::format("[kind.{}]\ncommand = [\"/bin/false\", \"{{socket}}\"]\nlisten = \"unix\"\n", kind);
  }
  return text + options_.extra;
}

void TestCluster::start_router(int i) {
  Node& at = node(i);
  auto config = base::load_router_config(directory_ + "/homing.toml", {at.name, {}});
  ASSERT_TRUE(config) << config.error();
  auto log = base::Log::to_file(directory_ + "/" + at.name + ".log", "router", at.name);
  ASSERT_TRUE(log) << log.error();
  at.log = std::make_unique<base::Log>(std::move(*log));
  ServerOptions options;
  options.workers = 2;
  if (!options_.limits_of_file) options.limits = options_.limits;
  auto server = Server::start(std::move(*config), options, *at.log);
  ASSERT_TRUE(server) << server.error();
  at.server = std::move(*server);
  at.thread = std::thread([&at] { at.server->run(); });
}

void TestCluster::kill_process(int i, const std::string& id) {
  node(i).launcher->kill(credentials_->session_from(id).value_or(core::SessionId{}));
}

void TestCluster::stop_router(int i) {
  Node& at = node(i);
  if (!at.server) return;
  at.server->stop();
  at.thread.join();
  at.server.reset();
}

std::string TestCluster::login(const std::string& user) const {
  return std::string(login_cookie_name(!options_.authority.empty())) + "=" +
         credentials_->login_cookie(*make_user(user), wall_seconds() + kLoginSeconds);
}

TestCluster::Started TestCluster::start(int i, const std::string& user, const std::string& kind) {
  HeaderList headers = as(user);
  headers.emplace_back("Content-Type", "application/json");
  const Got made = client(i).request("POST", "/api/sessions", headers, "{\"kind\":\"" + kind + "\"}");
  EXPECT_EQ(made.status, 201U) << made.body;
  Started started;
  if (made.status != 201) return started;
  const auto value = boost::json::parse(made.body);
  started.id = value.at("id").as_string().c_str();
  for (int round = 0; round < 600; ++round) {
    const Got got = client(i).request("GET", "/api/sessions/" + started.id, as(user));
    if (got.status == 200) {
      const auto session = boost::json::parse(got.body);
      if (session.at("state").as_string() == "ready") {
        const std::string name = session.at("node").as_string().c_str();
        for (int n = 0; n < size(); ++n) started.node = node(n).name == name ? n : started.node;
        return started;
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  ADD_FAILURE() << "the session did not become ready";
  return started;
}

Got TestCluster::until(int i, unsigned wanted, const std::string& target, const HeaderList& headers) {
  Got got;
  for (int round = 0; round < 600; ++round) {
    got = client(i).request("GET", target, headers);
    if (got.status == wanted) return got;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  ADD_FAILURE() << target << " through " << node(i).name << ": " << got.status << " instead of " << wanted << " "
                << got.body;
  return got;
}

void TestCluster::wait_until_ready(int i) {
  for (int round = 0; round < 600; ++round) {
    if (TestClient(directory_ + "/" + node(i).name + "/admin.sock").request("GET", "/readyz").status == 200) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  ADD_FAILURE() << node(i).name << " is not ready";
}

std::string TestCluster::sealed(int from, int to, const std::string& id, const std::string& user,
                                const std::string& target, core::Epoch epoch) {
  ForwardClaims claims;
  claims.from = core::NodeId{static_cast<std::uint32_t>(from)};
  claims.to = core::NodeId{static_cast<std::uint32_t>(to)};
  claims.session = credentials_->session_from(id).value_or(core::SessionId{});
  claims.epoch = epoch;
  claims.user = user;
  claims.client = "192.0.2.7";
  claims.scheme = "http";
  claims.request_id = "test";
  claims.time = wall_seconds();
  random_bytes(&claims.nonce, sizeof claims.nonce);
  return credentials_->forward(claims, "GET", target, "cluster.test");
}

}  // namespace homing::net
