// SPDX-License-Identifier: MIT
// The commands by which a server is followed. So far there is one use of them: SYNC by somebody who wants the data as
// an RDB file and nothing behind it, which is what `redis-cli --rdb` does.
#include "server/command/error_replies.h"
#include "server/commands/families.h"
#include "server/rdb_stream.h"
#include "server/server.h"
#include "server/session/session.h"
#include "storage/random.h"

namespace ringkv::server {
namespace {

constexpr std::string_view kNoReplicas =
    "ERR RingKV doesn't feed replicas yet; it gives an RDB file to who sends REPLCONF CAPA EOF and REPLCONF RDB-ONLY 1 "
    "before SYNC, as redis-cli --rdb does";

void ReplConf(AdminCall& call) {
  if (call.args.size() % 2 == 0) return call.reply.Error(errors::kSyntax);
  while (!call.args.AtEnd()) {
    if (call.args.Take("CAPA")) {
      if (call.args.Take("EOF")) {
        call.session.takes_end_mark = true;
      } else {
        call.args.Skip(1);  // a capability that isn't needed
      }
    } else if (call.args.Take("RDB-ONLY")) {
      const std::optional<int64_t> flag = resp::ParseInteger(call.args.Next());
      if (!flag) return call.reply.Error(errors::kNotInteger);
      if (*flag != 0 && *flag != 1) {
        return call.reply.Error("ERR value is out of range, value must between 0 and 1");
      }
      call.session.wants_rdb_only = *flag == 1;
    } else {
      return call.reply.Error("ERR Unrecognized REPLCONF option: " + std::string(call.args.Peek()));
    }
  }
  call.reply.Ok();
}

void Sync(AdminCall& call) {
  if (!call.session.wants_rdb_only || !call.session.takes_end_mark) return call.reply.Error(kNoReplicas);
  call.server.log().Notice("sending an RDB file to " + call.session.card->address);
  call.session.stream = std::make_unique<RdbStream>(call.server.store().databases(), storage::UniqueDigits());
}

void PSync(AdminCall& call) { call.reply.Error(kNoReplicas); }

constexpr uint32_t kFollows = kAdmin | kNoScript | kNoAsyncLoading | kNoMulti;

constexpr Command kRows[] = {
    {.name = "psync",
     .arity = -3,
     .flags = kFollows,
     .group = Group::kServer,
     .since = "2.8.0",
     .syntax = "replicationid offset [argument ...]",
     .summary = "Refused: there are no replicas yet.",
     .run = Admin(PSync)},
    {.name = "replconf",
     .arity = -1,
     .flags = kAdmin | kNoScript | kLoading | kStale | kAllowBusy,
     .group = Group::kServer,
     .since = "3.0.0",
     .syntax = "[option value ...]",
     .summary = "Says what a SYNC on this connection is to give.",
     .run = Admin(ReplConf)},
    {.name = "sync",
     .arity = 1,
     .flags = kFollows,
     .group = Group::kServer,
     .since = "1.0.0",
     .complexity = "O(N) in the number of keys, while others are served",
     .summary = "Gives all data as an RDB file, after REPLCONF RDB-ONLY 1.",
     .run = Admin(Sync)},
};
static_assert(RowsAreSound(kRows));

}  // namespace

std::span<const Command> ReplicationCommands() { return kRows; }

}  // namespace ringkv::server
