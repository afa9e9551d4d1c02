// SPDX-License-Identifier: Apache-2.0
//
// What it costs to read a request's head, and to read it and write it on: router/wire beside Beast's parser with a
// layer of checks around it (beast_layer.h). Same bytes, same run, batches of the two taken in turn; the row `ratio` is
// what counts. Thread class: main thread only.
#include <algorithm>
#include <array>
#include <boost/beast/http.hpp>
#include <chrono>
#include <ctime>
#include <limits>
#include <string>

#include "bench/beast_layer.h"
#include "bench/bench.h"
#include "router/core/check.h"
#include "router/wire/text.h"
#include "router/wire/write.h"

namespace homing::bench {

namespace {

std::string browser_get() {
  return "GET /s/7f3c9a0e5b1d4c2f8a6e0d9b3c7f1a25/lab/api/contents/analysis?content=1&hash=0&1732322712345 HTTP/1.1\r\n"
         "Host: homing.example.org:8800\r\n"
         "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
         "Accept: application/json,text/plain,*/*;q=0.8\r\n"
         "Accept-Language: en-US,en;q=0.5\r\n"
         "Accept-Encoding: gzip, deflate, br, zstd\r\n"
         "X-XSRFToken: 2|a1b2c3d4|e5f60718293a4b5c6d7e8f90|1732322000\r\n"
         "Connection: keep-alive\r\n"
         "Referer: https://homing.example.org:8800/s/7f3c9a0e/lab/tree\r\n"
         "Cookie: _xsrf=2|a1b2c3d4|e5f60718293a; homing_login=eyJ1IjoiYSJ9.c2ln; theme=dark\r\n"
         "Sec-Fetch-Dest: empty\r\n"
         "Sec-Fetch-Mode: cors\r\n"
         "\r\n";
}

std::string api_get() {
  return "GET /s/7f3c9a0e5b1d4c2f8a6e0d9b3c7f1a25/api/kernels HTTP/1.1\r\n"
         "Host: homing.example.org:8800\r\n"
         "User-Agent: python-requests/2.28.1\r\n"
         "Accept: */*\r\n"
         "Cookie: homing_login=eyJ1IjoiYSJ9.c2ln\r\n"
         "\r\n";
}

// What it takes to get a judged head by Beast: the end is looked for, then raw checks, Beast, checks of the fields.
struct ByBeast {
  http::request_parser<http::buffer_body> parser;
  bool parse(const std::string& raw) {
    const std::size_t end = raw.find("\r\n\r\n") + 4;
    const std::string_view head(raw.data(), end);
    parser.header_limit(kMaxHeadBytes);
    parser.body_limit(boost::none);
    if (check_raw_head(head)) return false;
    boost::system::error_code error;
    parser.put(boost::asio::buffer(head), error);
    return !error && parser.is_header_done() && !check_request_head(parser.get().base());
  }
};

void parse_wire(const std::string& raw) {
  static wire::RequestHead head;
  const wire::Parsed parsed = head.parse(raw);
  CHECK(parsed.done());
  benchmark::DoNotOptimize(head.host().data());
}

void parse_beast(const std::string& raw) {
  ByBeast beast;
  CHECK(beast.parse(raw));
  benchmark::DoNotOptimize(beast.parser.get().target().data());
}

// Beast's parser alone, without the checks it needs.
void parse_bare_beast(const std::string& raw) {
  http::request_parser<http::buffer_body> parser;
  boost::system::error_code error;
  parser.put(boost::asio::buffer(raw), error);
  CHECK(parser.is_header_done());
  benchmark::DoNotOptimize(parser.get().target().data());
}

void forward_wire(const std::string& raw) {
  static wire::RequestHead head;
  static std::string out;
  static const std::array<wire::OwnField, 3> ours = {wire::OwnField{"X-Forwarded-For", "192.0.2.7"},
                                                     wire::OwnField{"X-Forwarded-Proto", "https"},
                                                     wire::OwnField{"X-Request-Id", "0123456789abcdef"}};
  CHECK(head.parse(raw).done());
  wire::RequestPlan plan;
  plan.trusted_header = "X-My-User";
  plan.ours = ours;
  out.clear();
  CHECK(wire::write_request(head, plan, out));
  benchmark::DoNotOptimize(out.data());
}

void forward_beast(const std::string& raw) {
  ByBeast beast;
  CHECK(beast.parse(raw));
  RequestHead head = beast.parser.get().base();
  CHECK(!strip_connection_fields(head));
  strip_own_cookies(head);
  strip_identity_fields(head, "X-My-User");
  head.set("X-Forwarded-For", "192.0.2.7");
  head.set("X-Forwarded-Proto", "https");
  head.set("X-Request-Id", "0123456789abcdef");
  http::request<http::empty_body> message(std::move(head));
  http::request_serializer<http::empty_body> serializer(message);
  boost::system::error_code error;
  std::size_t size = 0;
  serializer.split(true);
  serializer.next(error,
                  [&](boost::system::error_code&, const auto& buffers) { size = boost::asio::buffer_size(buffers); });
  CHECK(!error && size > 0);
  benchmark::DoNotOptimize(size);
}

using Work = void (*)(const std::string&);

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double batch_ns(Work work, const std::string& raw, int calls) {
  const double begin = cpu_seconds();
  for (int i = 0; i < calls; ++i) work(raw);
  return (cpu_seconds() - begin) * 1e9 / calls;
}

// Best of many small batches, taken in turn: what else runs here disturbs both alike.
void ratio(benchmark::State& state, Work ours, Work theirs, const std::string& raw, Effort effort) {
  const int rounds = effort == Effort::kSmoke ? 3 : 200;
  double best_ours = std::numeric_limits<double>::max();
  double best_theirs = best_ours;
  for (auto _ : state) {
    for (int i = 0; i < rounds; ++i) {
      best_ours = std::min(best_ours, batch_ns(ours, raw, 200));
      best_theirs = std::min(best_theirs, batch_ns(theirs, raw, 200));
    }
  }
  state.counters["wire_ns"] = best_ours;
  state.counters["beast_ns"] = best_theirs;
  state.counters["ratio"] = best_ours / best_theirs;
}

using Search = std::size_t (*)(std::string_view, std::size_t);

void add(const std::string& name, Work work, const std::string& raw) {
  benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
    for (auto _ : state) work(raw);
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(raw.size()));
  });
}

void add_ratio(const std::string& name, Work ours, Work theirs, const std::string& raw, Effort effort) {
  benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
    ratio(state, ours, theirs, raw, effort);
  })->Iterations(1);
}

void add_search(const std::string& name, Search search) {
  benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
    const std::string line(80, 'v');
    for (auto _ : state) benchmark::DoNotOptimize(search(line, 0));
  });
}

}  // namespace

void register_benchmarks(Effort effort) {
  const std::array<std::pair<std::string, std::string>, 2> heads = {
      std::pair<std::string, std::string>{"browser", browser_get()}, {"api", api_get()}};
  for (const auto& [name, raw] : heads) {
    add("Parse/" + name + "/wire", parse_wire, raw);
    add("Parse/" + name + "/beast_and_checks", parse_beast, raw);
    add("Parse/" + name + "/beast_alone", parse_bare_beast, raw);
    add("Forward/" + name + "/wire", forward_wire, raw);
    add("Forward/" + name + "/beast_and_checks", forward_beast, raw);
    add_ratio("Parse/" + name + "/ratio", parse_wire, parse_beast, raw, effort);
    add_ratio("Parse/" + name + "/ratio_to_beast_alone", parse_wire, parse_bare_beast, raw, effort);
    add_ratio("Forward/" + name + "/ratio", forward_wire, forward_beast, raw, effort);
  }
  add_search("FindControl/sse2", wire::find_control);
  add_search("FindControl/plain", wire::find_control_plain);
}

}  // namespace homing::bench
