// SPDX-License-Identifier: MIT
// Subcommands of DEBUG that tests of Redis itself and of client libraries send.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "resp/integer_text.h"
#include "server/commands/debug_parts.h"
#include "server/composition/server.h"
#include "server/options/config_rewrite.h"
#include "server/options/option_table.h"
#include "server/replication/replication.h"
#include "server/scripts/scripts.h"
#include "storage/base/glob.h"

namespace ringkv::server {

void DebugChangeReplicationId(AdminCall& call) {
  HistoryKeeper& history = call.server.replication().history();
  history.Begin();
  history.Save();
  call.reply.Ok();
}

// Redis replicas get the command in the place where it stands in the stream. It changes nothing here.
void DebugReplicate(AdminCall& call) {
  ReplicaFeeds& feeds = call.server.replication().feeds();
  const std::vector<ReplicaStatus> replicas = feeds.replicas();
  if (!std::all_of(replicas.begin(), replicas.end(), [](const auto& replica) { return replica.is_redis; })) {
    return call.reply.Error(
        "ERR replicas that are RingKV get effects and no commands; DEBUG REPLICATE is for Redis replicas only");
  }
  feeds.SendToRedis(call.args.all().subspan(2));
  call.reply.Ok();
}

void DebugPackedThreshold(AdminCall& call) {
  constexpr int64_t kBelow = (int64_t{1} << 32) - (int64_t{1} << 20);
  const std::optional<int64_t> bytes = ParseMemory(call.args[2]);
  if (!bytes || *bytes < 0 || *bytes > kBelow) {
    return call.reply.Error("ERR argument must be a memory value bigger than 1 and smaller than 4gb");
  }
  call.txn.store().type_limits().list_packed_bytes = *bytes == 0 ? storage::TypeLimits::kListPackedBytes : *bytes;
  call.reply.Ok();
}

void DebugRewriteAll(AdminCall& call) {
  if (call.server.config_path().empty()) return call.reply.Error("ERR The server is running without a config file");
  const storage::Result<bool> written = call.server.RewriteConfig(RewriteScope::kAllOptions);
  if (!written) return call.reply.Error("ERR CONFIG-REWRITE-FORCE-ALL failed: " + written.error().text);
  call.reply.Ok();
}

void DebugLeak(AdminCall& call) {
  [[maybe_unused]] const auto* leaked = std::make_unique<std::string>(call.args[2]).release();
  call.reply.Ok();
}

void DebugDisableDenyScripts(AdminCall& call) {
  call.server.scripts().set_disables_deny(resp::ParseInteger(call.args[2]).value_or(0) != 0);
  call.reply.Ok();
}

// Random patterns and texts of the characters that mean something in a pattern.
void DebugStringMatch(AdminCall& call) {
  constexpr int kRounds = 100'000;
  constexpr size_t kLongest = 16;
  constexpr std::string_view kBytes = "*?[]^-\\abc";
  const auto random_text = [&] {
    std::string text(call.thread.random.Below(kLongest), '\0');
    for (char& c : text) c = kBytes[call.thread.random.Below(kBytes.size())];
    return text;
  };
  for (int i = 0; i < kRounds; ++i) {
    [[maybe_unused]] const bool matches = storage::GlobMatches(random_text(), random_text());
  }
  call.reply.Simple("Apparently RingKV did not crash: test passed");
}

}  // namespace ringkv::server
