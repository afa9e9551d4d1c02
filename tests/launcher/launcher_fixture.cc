// SPDX-License-Identifier: Apache-2.0
#include "tests/launcher/launcher_fixture.h"

#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cstring>
#include <utility>

namespace homing::testing {

using launcher::Event;

core::Instant boottime() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return core::Instant{core::seconds(now.tv_sec) + core::nanoseconds(now.tv_nsec)};
}

namespace {

int connect_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(fd, static_cast<sockaddr*>(static_cast<void*>(&address)), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

int connect_loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(fd, static_cast<sockaddr*>(static_cast<void*>(&address)), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

bool readable(int fd, std::chrono::milliseconds patience) {
  pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&waiting, 1, static_cast<int>(patience.count())) == 1;
}

}  // namespace

Peer::Peer(const std::string& socket_path, bool hello) {
  eventually([&] { return (fd_ = connect_unix(socket_path)) >= 0; });
  if (hello && fd_ >= 0) send(launcher::Hello{.version = launcher::kProtocolVersion, .client = "test"});
}

Peer::~Peer() {
  if (fd_ >= 0) ::close(fd_);
}

void Peer::send_bytes(const std::string& bytes) {
  if (::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0 && fd_ >= 0) {
    // The other end closed: reading says so.
    return;
  }
}

std::optional<Event> Peer::next(std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    auto frame = reader_.next();
    if (!frame) return std::nullopt;
    if (*frame) {
      auto event = launcher::decode_event(**frame);
      if (!event) return std::nullopt;
      return *event;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0 || fd_ < 0 || !readable(fd_, left)) return std::nullopt;
    char piece[4096];
    const ssize_t n = ::recv(fd_, piece, sizeof piece, 0);
    if (n <= 0) return std::nullopt;
    reader_.append({piece, static_cast<std::size_t>(n)});
  }
}

void LauncherFixture::TearDown() {
  if (HasFailure()) std::fputs(log().c_str(), stderr);
  peer_.reset();
  launcher_ = Child();
  // Sessions outlive their launcher by design, so the test ends those it started: they carry its scratch folder.
  for (const pid_t pid : processes_with("HOME=" + scratch_.path())) end_process(pid);
}

void LauncherFixture::configure(const std::string& kinds) {
  ::chmod(scratch_.write("secret", std::string(32, 's')).c_str(), 0600);  // an open secret file is refused
  config_ = scratch_.write("homing.toml",
                           "format = 1\nthis-node = \"n1\"\nstate-dir = \"{node}\"\nsecret-file = \"secret\"\n"
                           "[store]\npath = \"store.sqlite\"\n"
                           "[[node]]\nname = \"n1\"\naddress = \"127.0.0.1:8800\"\n" +
                               kinds);
}

std::string LauncherFixture::notepad_kind(const std::string& name, const std::string& more) {
  return "[kind." + name + "]\ncommand = [\"" + program("homing-notepad") +
         "\", \"--socket\", \"{socket}\", \"--prefix\", \"{prefix}\"]\nprobe = \"/api/who\"\n" + more;
}

std::string LauncherFixture::loopback_kind(const std::string& name) {
  return "[kind." + name + "]\nlisten = \"loopback\"\ncommand = [\"" + program("homing-notepad") +
         "\", \"--port\", \"{port}\", \"--secret-file\", \"{secret-file}\", \"--prefix\", \"{prefix}\"]\n"
         "probe = \"/api/who\"\n";
}

void LauncherFixture::run_launcher() {
  launcher_ = Child({program("homing-launcher"), "-c", config_}, scratch_.path() + "/launcher.log");
  connect();
}

void LauncherFixture::connect() {
  peer_ = std::make_unique<Peer>(socket_path());
  ASSERT_TRUE(peer_->next_of<launcher::Welcome>().has_value()) << log();
}

void LauncherFixture::hold_lease(core::Duration time) {
  peer_->send(launcher::LeaseDeadline{.until = boottime() + time});
}

launcher::Start LauncherFixture::start_of(std::uint64_t session, std::uint32_t epoch, const std::string& kind) const {
  return {.session = {.hi = session, .lo = 7},
          .epoch = core::Epoch{epoch},
          .kind = kind,
          .user = "ada",
          .prefix = "/s/" + std::to_string(session) + "/",
          .limits = {},
          .deadline = core::kNever};
}

std::optional<launcher::Started> LauncherFixture::started(std::uint64_t session, std::uint32_t epoch,
                                                          const std::string& kind) {
  const launcher::Start start = start_of(session, epoch, kind);
  peer_->send(start);
  return peer_->next_of<launcher::Started>(
      [&](const launcher::Started& s) { return s.session == start.session && s.epoch == start.epoch; });
}

std::optional<launcher::Failed> LauncherFixture::failed(std::uint64_t session, std::uint32_t epoch,
                                                        const std::string& kind) {
  const launcher::Start start = start_of(session, epoch, kind);
  peer_->send(start);
  return peer_->next_of<launcher::Failed>(
      [&](const launcher::Failed& f) { return f.session == start.session && f.epoch == start.epoch; });
}

std::vector<pid_t> LauncherFixture::processes_of(std::uint64_t session) const {
  std::vector<pid_t> out;
  const std::string id = launcher::to_hex({.hi = session, .lo = 7});
  const std::vector<pid_t> here = processes_with("HOME=" + scratch_.path());
  for (const pid_t pid : processes_with("HOMING_SCOPE=" + id)) {
    for (const pid_t mine : here) {
      if (pid == mine) out.push_back(pid);
    }
  }
  return out;
}

std::string http(const launcher::Endpoint& endpoint, const std::string& method, const std::string& target,
                 const std::string& headers) {
  const int fd = endpoint.unix_path.empty() ? connect_loopback(endpoint.port) : connect_unix(endpoint.unix_path);
  if (fd < 0) return "";
  const std::string request =
      method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers + "\r\n";
  std::string answer;
  if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0) {
    char piece[4096];
    for (ssize_t n = 0; readable(fd, kPatience) && (n = ::recv(fd, piece, sizeof piece, 0)) > 0;) {
      answer.append(piece, static_cast<std::size_t>(n));
    }
  }
  ::close(fd);
  return answer;
}

}  // namespace homing::testing
