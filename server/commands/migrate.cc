// SPDX-License-Identifier: MIT
// MIGRATE: the request; server/migration/key_migrations.h does the work.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "resp/integer_text.h"
#include "server/command/error_replies.h"
#include "server/command/secrets.h"
#include "server/commands/families.h"
#include "server/composition/server.h"
#include "server/execution/outcome.h"
#include "server/execution/stages.h"
#include "server/execution/turns.h"
#include "server/migration/held_keys.h"
#include "server/migration/key_copy.h"
#include "server/migration/key_migrations.h"
#include "server/session/session.h"

namespace ringkv::server {
namespace {

constexpr size_t kKeyAt = 3;
constexpr size_t kOptionsFrom = 6;
constexpr std::string_view kNeedsClient = "ERR MIGRATE needs a client that can wait for its reply";

// The position of a password, and the number of arguments behind an option.
size_t OptionValues(std::string_view option) {
  if (EqualsIgnoringCase(option, "AUTH")) return 1;
  return EqualsIgnoringCase(option, "AUTH2") ? 2 : 0;
}

// The index of the word KEYS; the end if it isn't there.
size_t FindKeysWord(std::span<const std::string_view> argv) {
  size_t at = std::min(kOptionsFrom, argv.size());
  while (at < argv.size() && !EqualsIgnoringCase(argv[at], "KEYS")) at += 1 + OptionValues(argv[at]);
  return std::min(at, argv.size());
}

// redis-server looks at the options only if it comes upon this word anywhere between the host and the last argument.
bool NamesKeysWord(std::span<const std::string_view> argv) {
  return std::any_of(argv.begin() + 2, argv.end() - 1,
                     [](std::string_view word) { return EqualsIgnoringCase(word, "KEYS"); });
}

ArgumentRange FindOneKey(std::span<const std::string_view> argv) {
  if (argv.size() <= kKeyAt || (NamesKeysWord(argv) && FindKeysWord(argv) < argv.size())) return {};
  return {kKeyAt, 1};
}

ArgumentRange FindSeveralKeys(std::span<const std::string_view> argv) {
  const size_t word = FindKeysWord(argv);
  if (word >= argv.size() || !argv[kKeyAt].empty()) return {};
  return {word + 1, argv.size() - word - 1};
}

void HideMigrateCredentials(std::span<std::string_view> argv) {
  for (size_t at = kOptionsFrom; at < argv.size() && !EqualsIgnoringCase(argv[at], "KEYS");) {
    const size_t values = OptionValues(argv[at]);
    HideArguments(argv, at + 1, at + 1 + values);
    at += 1 + values;
  }
}

// False with the error written.
bool ParseOptions(AdminCall& call, MigrateRequest& request) {
  call.args.Skip(kOptionsFrom - 1);
  while (!call.args.AtEnd()) {
    if (call.args.Take("COPY")) {
      request.copies = true;
    } else if (call.args.Take("REPLACE")) {
      request.replaces = true;
    } else if (call.args.TakeWithValue("AUTH")) {
      request.target.password = call.args.Next();
    } else if (call.args.Left() >= 3 && call.args.Take("AUTH2")) {
      request.target.user = call.args.Next();
      request.target.password = call.args.Next();
    } else if (call.args.Take("KEYS")) {
      if (call.args[kKeyAt].empty()) break;
      call.reply.Error("ERR When using MIGRATE KEYS option, the key argument must be set to the empty string");
      return false;
    } else {
      call.reply.Error(errors::kSyntax);
      return false;
    }
  }
  return true;
}

// Nothing with the error written.
std::optional<MigrateRequest> ParseRequest(AdminCall& call) {
  constexpr int64_t kDefaultTimeoutMs = 1000;
  constexpr int64_t kLongestTimeoutMs = INT32_MAX;
  constexpr int64_t kHighestPort = 65535;
  constexpr int kNoPort = -1;  // can't be connected to, as the command is answered
  MigrateRequest request;
  if (!ParseOptions(call, request)) return std::nullopt;
  const std::optional<int64_t> timeout = resp::ParseInteger(call.args[5]);
  const std::optional<int64_t> db = resp::ParseInteger(call.args[4]);
  if (!timeout || !db) {
    call.reply.Error(errors::kNotInteger);
    return std::nullopt;
  }
  request.target.host = call.args[1];
  const int64_t port = resp::ParseInteger(call.args[2]).value_or(0);
  request.target.port = port >= 0 && port <= kHighestPort ? static_cast<int>(port) : kNoPort;
  request.target_db = *db;
  request.timeout_ms = *timeout > 0 ? std::min(*timeout, kLongestTimeoutMs) : kDefaultTimeoutMs;
  request.db = call.session.db;
  request.client = call.session.card;
  return request;
}

void ReplyResult(AdminCall& call, const TransferResult& result) {
  if (!result.error.empty()) return call.reply.Error(result.error);
  result.found_none ? call.reply.Simple("NOKEY") : call.reply.Ok();
}

// Copies the keys for the thread that sends them. False if the server ends.
bool CopyHeld(AdminCall& call, const MigrateRequest& request, HeldKeys& held, Turns& turns) {
  for (const std::string& key : request.keys) {
    while (!held.HasRoom()) {
      if (!turns.Suspend(true)) return false;
    }
    std::optional<KeyCopy> copy = CopyOfKey(call.txn, request.db, key);
    if (copy) held.Add(std::move(*copy));
    if (!turns.GoOn()) return false;
  }
  held.Complete();
  return true;
}

// Inside EXEC or a script, which is suspended until the target has the keys, and has locked them.
void MigrateHeld(AdminCall& call, MigrateRequest request) {
  Turns* const turns = call.execution.enclosing->turns;
  if (turns == nullptr) return call.reply.Error(kNeedsClient);
  const auto held = std::make_shared<HeldKeys>(call.execution.parts().links);
  request.held = held;
  request.client = turns->client();
  call.server.key_migrations().Start(request);
  if (!CopyHeld(call, request, *held, *turns)) return held->GiveUp();
  std::optional<TransferResult> result;
  while (!(result = held->TakeResult())) {
    if (!turns->Suspend(true)) return held->GiveUp();
  }
  if (request.copies) return ReplyResult(call, *result);
  for (const std::string& key : result->accepted) {
    storage::Place place = call.txn.Find(request.db, key, storage::Intent::kCheck);
    if (place) call.txn.Do(place, storage::Erase{}, storage::events::kDel);
  }
  ReplyResult(call, *result);
}

void Migrate(AdminCall& call) {
  std::optional<MigrateRequest> request = ParseRequest(call);
  if (!request) return;
  const std::span<const std::string_view> argv = call.args.all();
  const ArgumentRange keys = FindKeysWord(argv) < argv.size() ? FindSeveralKeys(argv) : FindOneKey(argv);
  for (const std::string_view key : argv.subspan(keys.first, keys.count)) {
    if (call.txn.Find(request->db, key, storage::Intent::kRead)) request->keys.emplace_back(key);
  }
  if (request->keys.empty()) return call.reply.Simple("NOKEY");
  if (call.in_transaction) return MigrateHeld(call, std::move(*request));
  if (!call.may_wait) return call.reply.Error(kNeedsClient);
  call.txn.Unlock();
  call.outcome = outcome::LateReply{};
  call.server.key_migrations().Start(std::move(*request));
}

constexpr Command kMigrateCommands[] = {
    {.name = "migrate",
     .arity = -6,
     .flags = kWrite,
     .traits = kAnswersLate | kImpersonal,
     .keys = {.flags = kKeyRW | kKeyAccess | kKeyDelete, .first = 3, .last = 3, .step = 1, .find = FindOneKey},
     .more_keys = {.flags = kKeyRW | kKeyAccess | kKeyDelete | kKeyIncomplete,
                   .first = -2,
                   .last = -1,
                   .step = 1,
                   .search = KeySearch::kKeyword,
                   .keyword = "KEYS",
                   .find = FindSeveralKeys},
     .group = Group::kGeneric,
     .categories = "keyspace dangerous",
     .tips = "nondeterministic_output",
     .since = "2.6.0",
     .complexity = "O(N) in the size of the values",
     .syntax =
         "host port <key | \"\"> destination-db timeout [COPY] [REPLACE] [AUTH password | AUTH2 username password] "
         "[KEYS key [key ...]]",
     .summary = "Sends keys to another server, RingKV or Redis, and deletes them here.",
     .hide_secrets = HideMigrateCredentials,
     .run = Admin(Migrate)},
};
static_assert(RowsAreSound(kMigrateCommands));

}  // namespace

std::span<const Command> MigrateCommands() { return kMigrateCommands; }

}  // namespace ringkv::server
