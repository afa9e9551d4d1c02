// SPDX-License-Identifier: Apache-2.0
//
// The launcher with real processes: starts, ends, deaths of either side, the lease, and what it refuses.
#include <signal.h>
#include <sys/stat.h>

#include <string>

#include "router/launcher/client.h"
#include "tests/launcher/launcher_fixture.h"

namespace homing::testing {
namespace {

using launcher::AskInventory;
using launcher::encode;
using launcher::Ended;
using launcher::Failed;
using launcher::FailReason;
using launcher::Freeze;
using launcher::Frozen;
using launcher::Hello;
using launcher::Inventory;
using launcher::Kill;
using launcher::ProcessState;
using launcher::Refused;
using launcher::Request;
using launcher::Start;
using launcher::Started;
using launcher::Thaw;
using launcher::Welcome;

class LauncherTest : public LauncherFixture {};

TEST_F(LauncherTest, StartsASessionThatAnswersAndEndsItOnRequest) {
  configure(notepad_kind());
  run_launcher();
  hold_lease();
  const auto up = started(1, 1);
  ASSERT_TRUE(up.has_value());
  const std::string who = http(up->endpoint, "GET", "/s/1/api/who");
  EXPECT_NE(who.find("200 OK"), std::string::npos) << who;
  EXPECT_NE(who.find("\"user\":\"ada\""), std::string::npos) << who;
  EXPECT_NE(who.find("\"epoch\":1"), std::string::npos) << who;
  struct stat info{};
  ASSERT_EQ(::stat(up->endpoint.unix_path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 077, 0U) << "others may reach the session";

  peer_->send(Kill{.session = up->session, .epoch = up->epoch, .reason = "closed by its owner"});
  const auto end = peer_->next_of<Ended>();
  ASSERT_TRUE(end.has_value());
  EXPECT_TRUE(end->on_request);
  EXPECT_EQ(end->text, "closed by its owner");
  EXPECT_TRUE(processes_of(1).empty());
}

TEST_F(LauncherTest, ALoopbackSessionAnswersOnlyWithItsSecretWhichIsInNoCommandLine) {
  configure(loopback_kind("loop"));
  run_launcher();
  hold_lease();
  const auto up = started(1, 1, "loop");
  ASSERT_TRUE(up.has_value());
  ASSERT_EQ(up->endpoint.secret.size(), 32U);
  EXPECT_NE(http(up->endpoint, "GET", "/s/1/api/who").find(" 403 "), std::string::npos);
  const std::string secret = "X-Homing-Secret: " + up->endpoint.secret + "\r\n";
  EXPECT_NE(http(up->endpoint, "GET", "/s/1/api/who", secret).find("200 OK"), std::string::npos);
  for (const pid_t pid : processes_of(1)) {
    const std::string folder = "/proc/" + std::to_string(pid);
    EXPECT_EQ(read_file(folder + "/cmdline").find(up->endpoint.secret), std::string::npos);
    EXPECT_EQ(read_file(folder + "/environ").find(up->endpoint.secret), std::string::npos);
  }
}

TEST_F(LauncherTest, AnEqualOrLowerEpochIsRefusedAlsoAfterTheLauncherWasKilled) {
  configure(notepad_kind());
  run_launcher();
  hold_lease();
  ASSERT_TRUE(started(1, 5).has_value());
  peer_->send(Kill{.session = {.hi = 1, .lo = 7}, .epoch = core::Epoch{5}, .reason = "x"});
  ASSERT_TRUE(peer_->next_of<Ended>().has_value());
  for (int round = 0; round < 2; ++round) {
    for (const std::uint32_t epoch : {4U, 5U}) {
      const auto no = failed(1, epoch, "notepad");
      ASSERT_TRUE(no.has_value());
      EXPECT_EQ(no->reason, FailReason::kOldEpoch);
    }
    kill_launcher();
    run_launcher();
    hold_lease();
  }
  EXPECT_TRUE(started(1, 6).has_value());
}

TEST_F(LauncherTest, AStartOvertakenByItsKillIsRefused) {
  configure(notepad_kind());
  run_launcher();
  hold_lease();
  peer_->send(Kill{.session = {.hi = 1, .lo = 7}, .epoch = core::Epoch{3}, .reason = "x"});
  ASSERT_TRUE(peer_->next_of<Ended>().has_value());
  const auto no = failed(1, 3, "notepad");
  ASSERT_TRUE(no.has_value());
  EXPECT_EQ(no->reason, FailReason::kOldEpoch);
}

TEST_F(LauncherTest, AHigherEpochReplacesTheProcessAndNeverRunsBesideIt) {
  configure(notepad_kind());
  run_launcher();
  hold_lease();
  const auto one = started(1, 1);
  ASSERT_TRUE(one.has_value());
  const std::vector<pid_t> before = processes_of(1);
  ASSERT_EQ(before.size(), 1U);
  peer_->send(start_of(1, 2));
  const auto end = peer_->next_of<Ended>();
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->epoch, core::Epoch{1});
  const auto two = peer_->next_of<Started>();
  ASSERT_TRUE(two.has_value());
  EXPECT_EQ(two->epoch, core::Epoch{2});
  const std::vector<pid_t> after = processes_of(1);
  ASSERT_EQ(after.size(), 1U);
  EXPECT_NE(before[0], after[0]);
  // Nothing of the first epoch was left when the second one became a program: the log has the order.
  const std::string text = log();
  EXPECT_LT(text.find("\"session.ended\""), text.rfind("\"session.starting\""));
}

TEST_F(LauncherTest, AKilledLauncherKillsNobodyAndTakesUpEverySessionWhenItReturns) {
  configure(notepad_kind() + loopback_kind("loop"));
  run_launcher();
  hold_lease();
  const auto a = started(1, 1);
  const auto b = started(2, 4, "loop");
  ASSERT_TRUE(a && b);
  http(a->endpoint, "POST", "/s/1/api/counter?add=41");
  const std::uint64_t machine = [&] {
    Peer other(socket_path());
    return other.next_of<Welcome>()->machine;
  }();
  kill_launcher();
  EXPECT_NE(http(a->endpoint, "GET", "/s/1/api/counter").find("\"counter\":41"), std::string::npos);

  launcher_ = Child({program("homing-launcher"), "-c", config_}, scratch_.path() + "/launcher.log");
  peer_ = std::make_unique<Peer>(socket_path());
  const auto welcome = peer_->next_of<Welcome>();
  ASSERT_TRUE(welcome.has_value());
  EXPECT_EQ(welcome->machine, machine);
  EXPECT_GT(welcome->lease_until, boottime());
  const auto inventory = peer_->next_of<Inventory>();
  ASSERT_TRUE(inventory.has_value());
  ASSERT_EQ(inventory->sessions.size(), 2U);
  EXPECT_EQ(inventory->sessions[0].state, ProcessState::kRunning);
  EXPECT_EQ(inventory->sessions[0].endpoint, a->endpoint);
  EXPECT_EQ(inventory->sessions[1].endpoint, b->endpoint);
  EXPECT_EQ(inventory->sessions[1].epoch, core::Epoch{4});
  EXPECT_NE(http(a->endpoint, "GET", "/s/1/api/counter").find("\"counter\":41"), std::string::npos);

  // It sees the end of a process that is not its child, and it can still end one.
  http(a->endpoint, "POST", "/s/1/api/exit?status=3");
  const auto exited = peer_->next_of<Ended>();
  ASSERT_TRUE(exited.has_value());
  EXPECT_EQ(exited->session, a->session);
  EXPECT_FALSE(exited->on_request);
  peer_->send(Kill{.session = b->session, .epoch = b->epoch, .reason = "closed"});
  const auto killed = peer_->next_of<Ended>();
  ASSERT_TRUE(killed.has_value());
  EXPECT_EQ(killed->session, b->session);
  EXPECT_TRUE(processes_of(2).empty());
}

TEST_F(LauncherTest, ASessionThatEndedWhileNoLauncherWatchedIsListedAsEnded) {
  configure(notepad_kind());
  run_launcher();
  hold_lease();
  const auto up = started(1, 1);
  ASSERT_TRUE(up.has_value());
  kill_launcher();
  for (const pid_t pid : processes_of(1)) end_process(pid);
  run_launcher();
  EXPECT_TRUE(eventually([&] {
    const Inventory inventory = peer_->inventory();
    return inventory.sessions.size() == 1 && inventory.sessions[0].state == ProcessState::kEnded;
  }));
  hold_lease();
  EXPECT_TRUE(started(1, 2).has_value());
}

TEST_F(LauncherTest, AStartThatTheLauncherDidNotLiveToSeeAnsweredIsFinishedByItsSuccessor) {
  configure("[kind.slow]\ncommand = [\"/bin/sh\", \"-c\", \"sleep 2; exec " + program("homing-notepad") +
            " --socket $0 --prefix $1\", \"{socket}\", \"{prefix}\"]\n");
  run_launcher();
  hold_lease();
  peer_->send(start_of(1, 1, "slow"));
  ASSERT_TRUE(eventually([&] { return !processes_of(1).empty(); }));
  kill_launcher();
  run_launcher();
  ASSERT_TRUE(eventually([&] {
    const Inventory inventory = peer_->inventory();
    return inventory.sessions.size() == 1 && inventory.sessions[0].state == ProcessState::kRunning;
  }));
}

TEST_F(LauncherTest, TheEndOfASessionIsToldWithItsStatusAndItsDescendantsGoWithIt) {
  configure("[kind.family]\ncommand = [\"/bin/sh\", \"-c\", \"setsid sleep 1000 & exec " + program("homing-notepad") +
            " --socket $0 --prefix $1\", \"{socket}\", \"{prefix}\"]\n");
  run_launcher();
  hold_lease();
  const auto up = started(1, 1, "family");
  ASSERT_TRUE(up.has_value());
  ASSERT_TRUE(eventually([&] { return processes_of(1).size() == 2; }));
  http(up->endpoint, "POST", "/s/1/api/exit?status=3");
  const auto end = peer_->next_of<Ended>();
  ASSERT_TRUE(end.has_value());
  EXPECT_FALSE(end->on_request);
  EXPECT_EQ(end->exit_status, 3);
  EXPECT_TRUE(processes_of(1).empty()) << "a descendant in a session of its own lives on";
}

TEST_F(LauncherTest, AKindThatCannotStartFailsWithOneSentenceAndTheFix) {
  configure(
      "[kind.missing]\ncommand = [\"/nowhere/jupyter-notebook\", \"{socket}\"]\n"
      "[kind.quits]\ncommand = [\"/bin/sh\", \"-c\", \"echo port taken by gnomes >&2; exit 9\", \"{socket}\"]\n"
      "[kind.garbage]\ncommand = [\"" +
      scratch_.write("garbage", "\x7f not a program") +
      "\", \"{socket}\"]\n"
      "[kind.mute]\nstart-timeout = \"1500 ms\"\ncommand = [\"/bin/sh\", \"-c\", \"exec sleep 1000\", \"{socket}\"]\n");
  ::chmod((scratch_.path() + "/garbage").c_str(), 0700);
  run_launcher();
  hold_lease();
  const auto missing = failed(1, 1, "missing");
  ASSERT_TRUE(missing.has_value());
  EXPECT_EQ(missing->reason, FailReason::kCommand);
  EXPECT_NE(missing->text.find("apt-get install jupyter-notebook"), std::string::npos) << missing->text;
  EXPECT_NE(missing->text.find("homing.toml:"), std::string::npos) << missing->text;

  const auto quits = failed(2, 1, "quits");
  ASSERT_TRUE(quits.has_value());
  EXPECT_NE(quits->text.find("status 9"), std::string::npos) << quits->text;
  EXPECT_NE(quits->text.find("gnomes"), std::string::npos) << quits->text;

  const auto garbage = failed(3, 1, "garbage");
  ASSERT_TRUE(garbage.has_value());
  EXPECT_NE(garbage->text.find("could not be run"), std::string::npos) << garbage->text;

  const auto mute = failed(4, 1, "mute");
  ASSERT_TRUE(mute.has_value());
  EXPECT_EQ(mute->reason, FailReason::kTimeout);
  EXPECT_TRUE(processes_of(4).empty());

  const auto unknown = failed(5, 1, "unknown");
  ASSERT_TRUE(unknown.has_value());
  EXPECT_EQ(unknown->reason, FailReason::kUnknownKind);
}

TEST_F(LauncherTest, NothingStartsWithoutALease) {
  configure(notepad_kind());
  run_launcher();
  const auto none = failed(1, 1, "notepad");
  ASSERT_TRUE(none.has_value());
  EXPECT_EQ(none->reason, FailReason::kNoLease);
  hold_lease();
  EXPECT_TRUE(started(1, 1).has_value()) << "a refused start does not use up its epoch";
}

TEST_F(LauncherTest, PastTheLeaseFreezeKindsFreezeKeepKindsServeAndUnfinishedStartsDie) {
  configure(notepad_kind("keep") + notepad_kind("strict", "without-store = \"freeze\"\n") +
            "[kind.mute]\ncommand = [\"/bin/sh\", \"-c\", \"exec sleep 1000\", \"{socket}\"]\n");
  run_launcher();
  hold_lease();
  const auto keep = started(1, 1, "keep");
  const auto strict = started(2, 1, "strict");
  ASSERT_TRUE(keep && strict);
  peer_->send(start_of(3, 1, "mute"));
  ASSERT_TRUE(eventually([&] { return !processes_of(3).empty(); }));
  hold_lease(core::milliseconds(300));
  bool frozen = false;
  bool start_died = false;
  while (!frozen || !start_died) {
    const auto event = peer_->next();
    ASSERT_TRUE(event.has_value());
    if (const auto* f = std::get_if<Frozen>(&*event)) frozen = f->frozen && f->session == strict->session;
    if (const auto* f = std::get_if<Failed>(&*event)) {
      start_died = f->session.hi == 3;
      EXPECT_EQ(f->reason, FailReason::kLeaseLost);
    }
  }
  EXPECT_TRUE(processes_of(3).empty());
  ASSERT_EQ(processes_of(2).size(), 1U);
  EXPECT_TRUE(eventually([&] { return process_state(processes_of(2)[0]) == 'T'; }));
  EXPECT_NE(http(keep->endpoint, "GET", "/s/1/api/who").find("200 OK"), std::string::npos);

  // A new lease alone thaws nobody: the epoch may no longer stand. The router says so.
  hold_lease();
  EXPECT_EQ(peer_->inventory().sessions[1].state, ProcessState::kFrozen);
  peer_->send(Thaw{.session = strict->session, .epoch = strict->epoch});
  const auto thawed = peer_->next_of<Frozen>();
  ASSERT_TRUE(thawed.has_value());
  EXPECT_FALSE(thawed->frozen);
  EXPECT_NE(http(strict->endpoint, "GET", "/s/2/api/who").find("200 OK"), std::string::npos);
}

TEST_F(LauncherTest, ALauncherThatReturnsAfterTheLeaseFreezesAtOnce) {
  configure(notepad_kind("strict", "without-store = \"freeze\"\n"));
  run_launcher();
  hold_lease();
  ASSERT_TRUE(started(1, 1, "strict").has_value());
  hold_lease(core::milliseconds(1));
  ASSERT_TRUE(peer_->next_of<Frozen>().has_value());
  peer_->send(Thaw{.session = {.hi = 1, .lo = 7}, .epoch = core::Epoch{1}});
  ASSERT_TRUE(peer_->next_of<Frozen>().has_value());
  kill_launcher();
  ASSERT_NE(process_state(processes_of(1).at(0)), 'T');
  run_launcher();
  EXPECT_TRUE(eventually([&] { return process_state(processes_of(1).at(0)) == 'T'; }));
}

TEST_F(LauncherTest, AFrozenSessionCanBeEnded) {
  configure(notepad_kind());
  run_launcher();
  hold_lease();
  const auto up = started(1, 1);
  ASSERT_TRUE(up.has_value());
  peer_->send(Freeze{.session = up->session, .epoch = up->epoch});
  ASSERT_TRUE(peer_->next_of<Frozen>().has_value());
  peer_->send(Kill{.session = up->session, .epoch = up->epoch, .reason = "x"});
  ASSERT_TRUE(peer_->next_of<Ended>().has_value());
  EXPECT_TRUE(processes_of(1).empty());
}

TEST_F(LauncherTest, NonsenseIsRefusedAndEndsTheConnectionAndNothingElse) {
  configure(notepad_kind());
  run_launcher();
  hold_lease();
  ASSERT_TRUE(started(1, 1).has_value());
  const auto refusal = [&](bool hello, const std::string& bytes) {
    Peer peer(socket_path(), hello);
    peer.send_bytes(bytes);
    const auto no = peer.next_of<Refused>();
    EXPECT_TRUE(no.has_value());
    EXPECT_FALSE(peer.next().has_value()) << "the connection goes on";
    return no ? no->text : "";
  };
  EXPECT_NE(refusal(false, encode(Request(AskInventory{}))).find("Hello"), std::string::npos);
  EXPECT_NE(refusal(false, "GET / HTTP/1.1\r\n\r\n").find("bytes"), std::string::npos);
  EXPECT_NE(refusal(true, std::string("\x01\x00\x00\x00\x63", 5)).find("unknown"), std::string::npos);
  EXPECT_NE(refusal(false, encode(Request(Hello{.version = 99, .client = "x"}))).find("version"), std::string::npos);
  Start bad = start_of(2, 1);
  bad.kind = "notepad; rm -rf";
  EXPECT_NE(refusal(true, encode(Request(bad))).find("plain"), std::string::npos);
  EXPECT_EQ(peer_->inventory().sessions.size(), 1U);
}

TEST_F(LauncherTest, ASecondLauncherForTheSameStateDirectoryIsRefused) {
  configure(notepad_kind());
  run_launcher();
  Child second({program("homing-launcher"), "-c", config_}, scratch_.path() + "/second.log");
  EXPECT_EQ(second.wait(), 75);
  EXPECT_NE(read_file(scratch_.path() + "/second.log").find("another launcher"), std::string::npos);
  EXPECT_TRUE(launcher_.running());
}

TEST_F(LauncherTest, AConfigurationThatEverybodyMayWriteIsRefused) {
  configure(notepad_kind());
  ::chmod(config_.c_str(), 0666);
  Child launcher({program("homing-launcher"), "-c", config_}, scratch_.path() + "/refused.log");
  EXPECT_EQ(launcher.wait(), 2);
  EXPECT_NE(read_file(scratch_.path() + "/refused.log").find("chmod o-w"), std::string::npos);
}

TEST_F(LauncherTest, AStateDirectoryOpenToOthersIsRefused) {
  configure(notepad_kind());
  ::mkdir(state_dir().c_str(), 0755);
  Child launcher({program("homing-launcher"), "-c", config_}, scratch_.path() + "/refused.log");
  EXPECT_EQ(launcher.wait(), 75);
  EXPECT_NE(read_file(scratch_.path() + "/refused.log").find("chmod 700"), std::string::npos);
}

TEST_F(LauncherTest, SigtermLeavesTheSessionsAndStopSessionsEndsThem) {
  configure(notepad_kind());
  run_launcher();
  hold_lease();
  const auto up = started(1, 1);
  ASSERT_TRUE(up && started(2, 1));
  launcher_.signal(SIGTERM);
  EXPECT_EQ(launcher_.wait(), 0);
  EXPECT_NE(http(up->endpoint, "GET", "/s/1/api/who").find("200 OK"), std::string::npos);
  run_launcher();
  Child stop({program("homing-launcher"), "-c", config_, "--stop-sessions"}, scratch_.path() + "/stop.log");
  EXPECT_EQ(stop.wait(), 0) << read_file(scratch_.path() + "/stop.log");
  EXPECT_TRUE(processes_of(1).empty());
  EXPECT_TRUE(processes_of(2).empty());
}

}  // namespace
}  // namespace homing::testing
