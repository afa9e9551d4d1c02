// SPDX-License-Identifier: Apache-2.0
#include "bench/net_load.h"

#include <fmt/format.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <map>
#include <memory>
#include <string_view>

#include "bench/net_histogram.h"
#include "bench/net_pipe.h"
#include "router/wire/answer_head.h"
#include "router/wire/body.h"

namespace homing::bench {

namespace {

constexpr std::size_t kPiece = 64 * 1024;
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr double kRateReached = 0.99;

struct Connection {
  Pipe pipe;
  std::string head;  // an answer's, while it is not whole
  wire::BodyReader body;
  std::uint16_t status = 0;  // of the answer whose body is read; 0: none
  bool busy = false;
  bool unsent = false;  // its request waits for the handshake
  bool again = true;    // the server keeps the connection
  std::int64_t due = 0;
};

class Load {
 public:
  explicit Load(const LoadOptions& options)
      : options_(options), connections_(static_cast<std::size_t>(options.connections)) {
    for (std::size_t i = 0; i < connections_.size(); ++i) open(i);
  }

  void run() {
    const std::int64_t begin = now_ns();
    from_ = begin + static_cast<std::int64_t>(options_.warm_s * kSecond);
    until_ = from_ + static_cast<std::int64_t>(options_.seconds * kSecond);
    now_ = begin;
    next_due_ = begin;
    if (options_.rate == 0) {
      for (std::size_t i = 0; i < connections_.size(); ++i) ask(i, now_);
    } else {
      for (std::size_t i = 0; i < connections_.size(); ++i) free_.push_back(i);
    }
    bool counting = false;
    double cpu = 0;
    while (now_ < until_) {
      if (!counting && now_ >= from_) {
        counting = true;
        from_ = now_;
        cpu = cpu_seconds(options_.processes);
      }
      turn(counting);
    }
    const std::int64_t ended = now_;
    cpu = cpu_seconds(options_.processes) - cpu;
    finish_open_loop();
    print(static_cast<double>(ended - from_) / kSecond, cpu);
  }

 private:
  void open(std::size_t i) {
    Connection fresh;
    fresh.pipe = Pipe(options_.to, tls_.get());
    poller_.add(fresh.pipe.fd(), EPOLLIN, i);
    connections_[i] = std::move(fresh);
  }

  void turn(bool counting) {
    std::int64_t patience = until_ - now_;
    if (options_.rate > 0) {
      while (next_due_ <= now_) {
        begin_request(next_due_);
        ++asked_;
        next_due_ = first_due() + static_cast<std::int64_t>(static_cast<double>(asked_) * (kSecond / options_.rate));
      }
      patience = std::min(patience, next_due_ - now_);
    }
    const auto events = poller_.wait(patience);
    now_ = now_ns();
    for (const epoll_event& event : events) read(event.data.u64, counting && now_ < until_);
  }

  std::int64_t first_due() const { return from_first_; }

  void begin_request(std::int64_t due) {
    if (from_first_ == 0) from_first_ = due;
    if (free_.empty()) {
      waiting_.push_back(due);
      return;
    }
    const std::size_t i = free_.front();  // the longest idle: all connections take part
    free_.pop_front();
    ask(i, due);
  }

  void ask(std::size_t i, std::int64_t due) {
    connections_[i].busy = true;
    connections_[i].due = due;
    if (send(i)) return;
    // A server may close an idle connection just now: ask again on a new one, once.
    ++reconnects_;
    open(i);
    connections_[i].busy = true;
    connections_[i].due = due;
    if (!send(i)) fail("a new connection is closed before its first request");
  }

  // False: the server has closed this connection.
  bool send(std::size_t i) {
    Connection& one = connections_[i];
    const ssize_t size = one.pipe.send(options_.request);
    one.unsent = size < 0 && errno == EAGAIN && options_.tls;
    if (one.unsent || size == static_cast<ssize_t>(options_.request.size())) return true;
    if (size >= 0 || errno == EAGAIN) fail("a request could not be written in one go");
    return false;
  }

  void read(std::size_t i, bool counting) {
    Connection& one = connections_[i];
    if (one.unsent && !send(i)) return closed(i, counting);
    if (one.unsent) return;
    const ssize_t size = one.pipe.receive(buffer_);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) {
      closed(i, counting);
      return;
    }
    std::string_view bytes(buffer_.data(), static_cast<std::size_t>(size));
    if (one.status == 0) {
      if (!read_head(one, bytes)) return;
    }
    while (!bytes.empty() && one.body.state() == wire::BodyReader::State::kMore) {
      bytes.remove_prefix(one.body.read(bytes).used);
    }
    if (one.body.state() == wire::BodyReader::State::kBad) fail("an answer's body is malformed");
    if (one.body.state() == wire::BodyReader::State::kDone) answered(i, counting);
  }

  // False: more is needed. Afterwards `bytes` is what is behind the head.
  bool read_head(Connection& one, std::string_view& bytes) {
    std::size_t before = 0;
    std::string_view all = bytes;
    if (!one.head.empty()) {
      before = one.head.size();
      one.head += bytes;
      all = one.head;
    }
    head_.reset();
    const wire::Parsed parsed = head_.parse(all, wire::Method::kGet);
    if (parsed.refused()) fail(fmt::format("an answer is malformed: {}", parsed.why));
    if (!parsed.done()) {
      if (one.head.empty()) one.head = bytes;
      return false;
    }
    one.status = head_.status();
    one.again = head_.keep_alive();
    one.body.start(head_.framing());
    bytes.remove_prefix(parsed.size - before);
    one.head.clear();
    return true;
  }

  void answered(std::size_t i, bool counting) {
    Connection& one = connections_[i];
    if (counting && one.due >= from_) latencies_.add(now_ - one.due);
    if (counting) ++statuses_[one.status];
    if (!counting && one.status != 200) ++statuses_[one.status];  // nobody may fail while it does not count, either
    one.status = 0;
    one.busy = false;
    if (!one.again || options_.fresh) {
      ++reconnects_;
      open(i);
    }
    go_on(i);
  }

  void closed(std::size_t i, bool counting) {
    if (connections_[i].busy) {
      ++cut_;
      if (counting) ++statuses_[0];
    }
    ++reconnects_;
    const bool was_busy = connections_[i].busy;
    open(i);
    if (was_busy) go_on(i);
  }

  // What this connection does next.
  void go_on(std::size_t i) {
    if (now_ >= until_) return;
    if (options_.rate == 0) {
      ask(i, now_);
    } else if (!waiting_.empty()) {
      const std::int64_t due = waiting_.front();
      waiting_.pop_front();
      ask(i, due);
    } else {
      free_.push_back(i);
    }
  }

  // Those still under way count with what they have waited: leaving them out would flatter.
  void finish_open_loop() {
    if (options_.rate == 0) return;
    for (const Connection& one : connections_) {
      if (one.busy && one.due >= from_) latencies_.add(now_ - one.due);
    }
    for (const std::int64_t due : waiting_) {
      if (due >= from_) latencies_.add(now_ - due);
    }
  }

  void print(double seconds, double cpu) const {
    std::uint64_t answers = 0;
    std::string statuses;
    for (const auto& [status, count] : statuses_) {
      answers += count;
      statuses += fmt::format("{}\"{}\":{}", statuses.empty() ? "" : ",", status, count);
    }
    const double achieved = static_cast<double>(answers) / seconds;
    const auto us = [this](double q) { return static_cast<double>(latencies_.percentile(q)) / 1000; };
    fmt::print(
        "{{\"requests\":{},\"statuses\":{{{}}},\"cut\":{},\"reconnects\":{},\"seconds\":{:.6f},\"cpu_s\":{:.3f},"
        "\"rate\":{:.1f},\"achieved\":{:.1f},\"missed_its_rate\":{},\"p50_us\":{:.1f},\"p90_us\":{:.1f},"
        "\"p99_us\":{:.1f},\"p999_us\":{:.1f},\"max_us\":{:.1f}}}\n",
        answers, statuses, cut_, reconnects_, seconds, cpu, options_.rate, achieved,
        options_.rate > 0 && achieved < kRateReached * options_.rate, us(0.5), us(0.9), us(0.99), us(0.999), us(1));
  }

  const LoadOptions& options_;
  const TlsContext tls_ = options_.tls ? make_tls() : nullptr;
  Poller poller_;
  std::vector<Connection> connections_;
  std::deque<std::size_t> free_;      // open loop: connections without a request
  std::deque<std::int64_t> waiting_;  // open loop: requests without a connection
  std::array<char, kPiece> buffer_{};
  wire::AnswerHead head_;
  Histogram latencies_;
  std::map<int, std::uint64_t> statuses_;  // 0: cut
  std::uint64_t cut_ = 0;
  std::uint64_t reconnects_ = 0;
  std::uint64_t asked_ = 0;
  std::int64_t now_ = 0;
  std::int64_t from_ = 0;
  std::int64_t until_ = 0;
  std::int64_t from_first_ = 0;
  std::int64_t next_due_ = 0;
};

}  // namespace

void run_load(const LoadOptions& options) {
  ::prctl(PR_SET_TIMERSLACK, 1UL);  // a request is sent when it is due, not up to 50 us later
  const auto load = std::make_unique<Load>(options);
  load->run();
}

}  // namespace homing::bench
