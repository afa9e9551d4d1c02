// SPDX-License-Identifier: Apache-2.0
//
// Counts every allocation of the program: a request that goes through parse, body and write makes none once the buffers
// have grown to the usual message.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <string>

#include "router/wire/body.h"
#include "router/wire/write.h"

namespace {
std::size_t allocations = 0;
}

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace homing::wire {
namespace {

TEST(AllocationTest, ASteadyStreamOfRequestsAllocatesNothing) {
  const std::string get =
      "GET /s/1/lab?x=1 HTTP/1.1\r\nHost: h\r\nCookie: a=1; homing_login=x; b=2\r\nConnection: x\r\n\r\n";
  const std::string post =
      "POST /s/1/api HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nX-Forwarded-For: "
      "1\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n";
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: a=1\r\n\r\n";
  const OwnField ours[] = {{"X-Forwarded-For", "9.9.9.9"}};
  RequestHead request;
  AnswerHead reply;
  BodyReader body;
  std::string out;
  std::size_t before = 0;
  for (int i = 0; i < 100; ++i) {
    if (i == 2) before = allocations;
    for (const std::string* raw : {&get, &post}) {
      const Parsed parsed = request.parse(*raw);
      ASSERT_TRUE(parsed.done());
      body.start(request.framing());
      std::string_view left = std::string_view(*raw).substr(parsed.size);
      while (body.state() == BodyReader::State::kMore) left.remove_prefix(body.read(left).used);
      ASSERT_TRUE(reply.parse(answer, request.method()).done());
      out.clear();
      RequestPlan plan;
      plan.ours = ours;
      ASSERT_TRUE(write_request(request, plan, out));
      ASSERT_TRUE(write_answer(reply, {}, out));
    }
  }
  EXPECT_EQ(allocations - before, 0U);
}

TEST(AllocationTest, AReleasedHeadHoldsNoBuffer) {
  RequestHead request;
  ASSERT_TRUE(request.parse("GET / HTTP/1.1\r\nHost: h\r\n\r\n").done());
  EXPECT_GT(request.fields().capacity(), 0U);
  request.release();
  EXPECT_EQ(request.fields().capacity(), 0U);
  EXPECT_TRUE(request.parse("GET / HTTP/1.1\r\nHost: h\r\n\r\n").done());
}

}  // namespace
}  // namespace homing::wire
