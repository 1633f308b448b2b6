// SPDX-License-Identifier: MIT
// A server without sockets: commands run on a session, replies come back as bytes.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/commands/families.h"
#include "server/composition/server.h"
#include "server/execution/execution.h"
#include "server/execution/lent_input.h"
#include "server/execution/outcome.h"
#include "server/http/response.h"
#include "server/http/route_table.h"
#include "server/options/option_table.h"
#include "server/session/session.h"
#include "storage/base/allocator.h"
#include "storage/disk/posix_file_system.h"
#include "tests/support/no_links.h"
#include "tests/support/seeded_chance.h"
#include "tests/support/temp_dir.h"

namespace ringkv::server {

class SessionFixture : public testing::Test {
 protected:
  SessionFixture() { Start(no_links_); }
  // `links` must outlive the test.
  explicit SessionFixture(ClientLinks& links) { Start(links); }

  struct Options0 : Options {
    Options0() { SetDefaults(*this); }
  };

  std::unique_ptr<Session> MakeSession() {
    auto card = std::make_shared<ClientCard>();
    card->address = "127.0.0.1:1";
    card->is_local = true;
    server_.clients().Add(card);
    auto session = std::make_unique<Session>(card, server_.watched_keys());
    BecomeDefaultUser(*session, server_.users());
    return session;
  }

  std::string RunOn(Session& session, const std::vector<std::string>& words) {
    resp::Buffer out;
    resp::ReplyWriter reply(out, session.protocol);
    const auto request = std::make_shared<std::vector<std::string>>(words);
    const std::vector<std::string_view> argv(request->begin(), request->end());
    server_.thread(0).txn.set_now(clock_.Now());
    outcome_ = Execute({.parts = server_.execution_parts(),
                        .thread = server_.thread(0),
                        .session = session,
                        .reply = reply,
                        .may_wait = may_wait_},
                       {.argv = argv});
    auto* const late = std::get_if<outcome::LateReply>(&outcome_);
    if (late != nullptr && late->input != nullptr) late->input->owner = request;
    return Ended<outcome::Postponed>() ? "<postponed>" : std::string(out.Readable());
  }
  // Splits at spaces; for arguments with spaces use RunOn.
  std::string Run(const std::string& line) { return RunLineOn(*session_, line); }
  std::string RunLineOn(Session& session, const std::string& line) {
    std::istringstream stream(line);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    return RunOn(session, words);
  }

  // Whether the last request has ended so.
  template <typename Kind>
  bool Ended() const {
    return std::holds_alternative<Kind>(outcome_);
  }

  test::NoLinks no_links_;
  Options0 options_;
  storage::ManualClock clock_{1'700'000'000'000};
  test::TempDir dir_;
  storage::PosixFileSystem files_{dir_.Path("")};
  test::SeededChance chance_{42};
  Server server_{options_, {clock_, files_, chance_}, AllCommands(), {http::RouteLabels(), http::kStatuses}, "", 42};
  std::unique_ptr<Session> session_;
  bool may_wait_ = false;  // for keys and replicas, as a connection may
  Outcome outcome_;        // of the last request

 private:
  void Start(ClientLinks& links) {
    storage::CountMemoryOfThisThread();
    server_.Start(links);
    session_ = MakeSession();
  }
};

}  // namespace ringkv::server
