// SPDX-License-Identifier: Apache-2.0
//
// Everything that crosses the core's border must come back from its bytes as it was: every event, effect and row,
// filled with random values through its own archive(); and no bytes, however cut or spoiled, may do worse than ok() ==
// false. A field that archive() forgets would go unnoticed by all that, so the fields are counted too.
#include "router/core/archive.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "router/core/core.h"
#include "router/core/deadline_index.h"
#include "router/core/decision.h"
#include "router/core/effect.h"
#include "router/core/event.h"
#include "router/core/resolve.h"
#include "router/core/rows.h"

namespace homing::core {
namespace {

// A fourth use of archive(): fills every field with something.
class Filler {
 public:
  explicit Filler(std::uint64_t seed) : random_(seed) {}
  template <class... T>
  void operator()(T&... values) {
    (fill(values), ...);
  }

 private:
  // Short, long and extreme numbers: LEB128 has a case for each length.
  std::uint64_t number() {
    const std::uint64_t word = random_();
    return word >> (random_() % 64);
  }
  template <class T>
  void fill(T& v) {
    if constexpr (std::is_same_v<T, bool>) {
      v = random_() % 2 == 0;
    } else if constexpr (std::is_enum_v<T>) {
      v = static_cast<T>(random_() % 2);
    } else if constexpr (std::is_integral_v<T>) {
      v = static_cast<T>(number());
    } else {
      v.archive(*this);
    }
  }
  void fill(Duration& d) { d = Duration{static_cast<std::int64_t>(number() * (random_() % 2 == 0 ? 1u : ~0u))}; }
  void fill(Instant& t) { t = Instant{Duration{static_cast<std::int64_t>(number())}}; }
  void fill(std::string& s) {
    s.resize(random_() % 20);
    for (char& c : s) c = static_cast<char>(random_());
  }
  template <class T>
  void fill(std::vector<T>& v) {
    v.resize(random_() % 4);
    for (T& item : v) fill(item);
  }
  template <class T, std::size_t N>
  void fill(std::array<T, N>& v) {
    for (T& item : v) fill(item);
  }
  void fill(Row& row) {
    switch (random_() % 4) {
      case 0:
        fill(row.emplace<NodeRow>());
        break;
      case 1:
        fill(row.emplace<SessionRow>());
        break;
      case 2:
        fill(row.emplace<UserRow>());
        break;
      default:
        fill(row.emplace<QueueRow>());
        break;
    }
  }
  std::mt19937_64 random_;
};

template <class T>
std::string written(const T& value) {
  Writer out;
  out(value);
  return out.take();
}

template <class T>
std::uint64_t hashed(const T& value) {
  Hasher h;
  h(value);
  return h.value();
}

template <class T>
constexpr bool kComparable = requires(const T& a) { a == a; };
template <class... T>
constexpr bool kComparable<std::variant<T...>> = (kComparable<T> && ...);  // its == does not say so itself

template <class T>
void expect_round_trip(const T& value) {
  const std::string bytes = written(value);
  T back{};
  Reader in(bytes);
  in(back);
  EXPECT_TRUE(in.ok());
  EXPECT_TRUE(in.at_end());
  EXPECT_EQ(written(back), bytes);
  EXPECT_EQ(hashed(back), hashed(value));
  if constexpr (kComparable<T>) {
    EXPECT_TRUE(value == back);
  }
}

template <class T>
void expect_every_cut_is_noticed(const T& value) {
  const std::string bytes = written(value);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    T back{};
    Reader in(std::string_view(bytes).substr(0, length));
    in(back);
    ASSERT_FALSE(in.ok()) << "cut to " << length << " of " << bytes.size() << " bytes";
  }
}

template <class V, std::size_t... I>
void for_each_alternative(std::index_sequence<I...>, std::uint64_t seed) {
  const auto one = [seed]<std::size_t Index>() {
    SCOPED_TRACE("alternative " + std::to_string(Index) + ", seed " + std::to_string(seed));
    V value(std::in_place_index<Index>);
    Filler fill(seed);
    std::get<Index>(value).archive(fill);
    expect_round_trip(value);
    expect_round_trip(std::get<Index>(value));
    expect_every_cut_is_noticed(value);
  };
  (one.template operator()<I>(), ...);
}

template <class V>
void for_each_alternative(std::uint64_t seed) {
  for_each_alternative<V>(std::make_index_sequence<std::variant_size_v<V>>{}, seed);
}

template <class T>
class ArchiveVariantTest : public testing::Test {};
using Variants = testing::Types<Event, Effect, Row>;
TYPED_TEST_SUITE(ArchiveVariantTest, Variants);

TYPED_TEST(ArchiveVariantTest, EveryAlternativeComesBackAndEveryCutIsNoticed) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) for_each_alternative<TypeParam>(seed);
}

TYPED_TEST(ArchiveVariantTest, SpoiledBytesNeverCrash) {
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    std::mt19937_64 random(seed);
    std::string bytes(random() % 60, '\0');
    for (char& c : bytes) c = static_cast<char>(random() >> (random() % 2 == 0 ? 5 : 0));
    if (!bytes.empty()) bytes[0] = static_cast<char>(random() % std::variant_size_v<TypeParam>);
    TypeParam value{};
    Reader in(bytes);
    in(value);
    if (in.ok()) expect_round_trip(value);
  }
}

TYPED_TEST(ArchiveVariantTest, AnUnknownAlternativeIsNotOk) {
  Writer out;
  out(static_cast<std::uint64_t>(std::variant_size_v<TypeParam>));
  TypeParam value{};
  Reader in(out.bytes());
  in(value);
  EXPECT_FALSE(in.ok());
}

// --- fields are counted: how many braces an aggregate takes against how many values its archive() walks

struct Anything {
  template <class T>
  operator T() const;  // NOLINT(google-explicit-constructor): stands for any initialiser
};

template <class T, std::size_t... I>
constexpr bool takes(std::index_sequence<I...>) {
  return requires { T{(static_cast<void>(I), Anything{})...}; };
}

template <class T, std::size_t N = 32>
constexpr std::size_t fields() {
  if constexpr (N == 0 || takes<T>(std::make_index_sequence<N>{})) {
    return N;
  } else {
    return fields<T, N - 1>();
  }
}

struct Counter {
  std::size_t count = 0;
  template <class... T>
  void operator()(const T&...) {
    count += sizeof...(T);
  }
};

template <class T>
void expect_every_field_walked() {
  static_assert(std::is_aggregate_v<T>);
  T value{};
  Counter counter;
  value.archive(counter);
  EXPECT_EQ(counter.count, fields<T>()) << testing::internal::GetTypeName<T>();
}

template <class V, std::size_t... I>
void expect_every_field_of_each(std::index_sequence<I...>) {
  (expect_every_field_walked<std::variant_alternative_t<I, V>>(), ...);
}

TEST(ArchiveTest, WalksEveryFieldOfEveryStruct) {
  expect_every_field_of_each<Event>(std::make_index_sequence<std::variant_size_v<Event>>{});
  expect_every_field_of_each<Effect>(std::make_index_sequence<std::variant_size_v<Effect>>{});
  expect_every_field_of_each<Row>(std::make_index_sequence<std::variant_size_v<Row>>{});
  expect_every_field_walked<Config>();
  expect_every_field_walked<KindConfig>();
  expect_every_field_walked<NodeLoad>();
  expect_every_field_walked<VersionedRow>();
  expect_every_field_walked<RowWrite>();
  expect_every_field_walked<RowKey>();
  expect_every_field_walked<SessionId>();
  expect_every_field_walked<ProcessInfo>();
  expect_every_field_walked<Candidate>();
  expect_every_field_walked<DecisionRecord>();
  expect_every_field_walked<RouteValue>();
  expect_every_field_walked<CoreCounters>();
  expect_every_field_walked<DeadlineKey>();
}

TEST(ArchiveTest, TheCountingOfFieldsCanFail) {
  struct Forgetful {
    int a = 0;
    std::array<int, 3> b{};
    std::string c;
    void archive(Counter& counter) { counter(a, c); }
  };
  Counter counter;
  Forgetful{}.archive(counter);
  EXPECT_EQ(fields<Forgetful>(), 3u);
  EXPECT_NE(counter.count, fields<Forgetful>());
}

// --- the encoding itself: traces are read by later versions

TEST(ArchiveTest, EncodesAsDocumented) {
  EXPECT_EQ(written(std::uint64_t{0}), std::string_view("\x00", 1));
  EXPECT_EQ(written(std::uint32_t{127}), "\x7f");
  EXPECT_EQ(written(std::uint32_t{128}), "\x80\x01");
  EXPECT_EQ(written(~std::uint64_t{0}), "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
  EXPECT_EQ(written(std::int32_t{-1}), "\x01");
  EXPECT_EQ(written(std::int32_t{1}), "\x02");
  EXPECT_EQ(written(std::int64_t{-64}), "\x7f");
  EXPECT_EQ(written(true), "\x01");
  EXPECT_EQ(written(SessionState::kLost), "\x05");
  EXPECT_EQ(written(std::string("ab")),
            "\x02"
            "ab");
  EXPECT_EQ(written(std::vector<std::uint8_t>{5, 6}), "\x02\x05\x06");
  EXPECT_EQ(written(std::array<std::uint8_t, 2>{5, 6}), "\x05\x06");
  EXPECT_EQ(written(std::optional<std::uint8_t>{}), std::string_view("\x00", 1));
  EXPECT_EQ(written(std::optional<std::uint8_t>{9}), "\x01\x09");
  EXPECT_EQ(written(Duration{-3}), "\x05");
  EXPECT_EQ(written(Event{SessionStarted{SessionId{1, 2}, Epoch{3}}}), "\x07\x01\x02\x03");
}

TEST(ArchiveTest, ExtremesComeBack) {
  expect_round_trip(std::numeric_limits<std::int64_t>::min());
  expect_round_trip(std::numeric_limits<std::int64_t>::max());
  expect_round_trip(std::numeric_limits<std::uint64_t>::max());
  expect_round_trip(std::int32_t{-2147483647 - 1});
  expect_round_trip(kNever);
  expect_round_trip(Instant::min());
  expect_round_trip(std::vector<std::pair<std::uint8_t, std::string>>{{1, ""}, {2, std::string(300, 'x')}});
}

TEST(ArchiveTest, ALyingLengthIsNotOkAndAllocatesNothingMuch) {
  Writer out;
  out(~std::uint64_t{0});
  std::vector<SessionRow> rows;
  Reader in(out.bytes());
  in(rows);
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(rows.capacity(), 0u);
  std::string text;
  Reader again(out.bytes());
  again(text);
  EXPECT_FALSE(again.ok());
}

TEST(ArchiveTest, ANumberThatNeverEndsIsNotOk) {
  const std::string bytes(100, '\xff');
  std::uint64_t value = 5;
  Reader in(bytes);
  in(value);
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(value, 0u);
}

TEST(ArchiveTest, AfterAFailureEveryFurtherValueIsItsDefault) {
  std::uint32_t a = 7;
  std::string b = "old";
  std::vector<std::uint32_t> c{1, 2};
  Reader in("");
  in(a, b, c);
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(a, 0u);
  EXPECT_TRUE(b.empty());
  EXPECT_TRUE(c.empty());
}

// --- the hash that makes fingerprints

TEST(HasherTest, KeepsItsGoldenValues) {  // by an independent calculation; a change breaks every recorded fingerprint
  EXPECT_EQ(hashed(std::uint64_t{0}), 0x0bb2f9fbcadeac6au);
  EXPECT_EQ(hashed(~std::uint64_t{0}), 0x8831f77a753eb48au);
  EXPECT_EQ(hashed(std::int32_t{-1}), 0x8831f77a753eb48au);
  EXPECT_EQ(hashed(std::string("homing")), 0x6b1bf6f379f0290au);
  EXPECT_EQ(hashed(std::string("123456789")), 0x990ad54119ad7ff8u);
  EXPECT_EQ(hashed(Event{SessionStarted{SessionId{1, 2}, Epoch{3}}}), 0xacfb4c9ddf97f053u);
}

TEST(HasherTest, TellsApartWhatDiffersInOneField) {
  SessionRow row;
  const std::uint64_t plain = hashed(row);
  SessionRow other = row;
  other.attempt = 1;
  EXPECT_NE(hashed(other), plain);
  other = row;
  other.epoch = Epoch{1};
  EXPECT_NE(hashed(other), plain);
  EXPECT_NE(hashed(std::string("ab")), hashed(std::string("ba")));
  EXPECT_NE(hashed(std::string("")), hashed(std::string(1, '\0')));
  EXPECT_NE(hashed(Event{LauncherDown{}}), hashed(Event{StoreHint{}}));
}

TEST(HasherTest, GoesOnFromAState) {
  Hasher whole;
  whole(std::uint64_t{1}, std::uint64_t{2});
  Hasher first;
  first(std::uint64_t{1});
  Hasher second(first.value());
  second(std::uint64_t{2});
  EXPECT_EQ(second.value(), whole.value());
}

}  // namespace
}  // namespace homing::core
