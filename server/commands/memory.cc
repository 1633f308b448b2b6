// SPDX-License-Identifier: MIT
// MEMORY: where it goes.
#include <string>

#include "server/command/error_replies.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/composition/server.h"
#include "server/report/memory_report.h"
#include "storage/base/allocator.h"

namespace ringkv::server {
namespace {

void Usage(DataCall& call) {
  constexpr int64_t kSlotBytes = 16;  // a table slot, at the usual load
  call.args.Skip(2);
  while (!call.args.AtEnd()) {
    if (!call.args.TakeWithValue("SAMPLES")) return call.reply.Error(errors::kSyntax);
    const std::optional<int64_t> samples = resp::ParseInteger(call.args.Next());
    if (!samples) return call.reply.Error(errors::kNotInteger);
    if (*samples < 0) return call.reply.Error(errors::kSyntax);
  }
  const storage::Place place = call.txn.Find(call.db, call.args[2], storage::Intent::kCheck);
  if (!place) return call.reply.Null();
  const storage::Entry& entry = place.entry();
  const size_t beside = entry.MemorySize() - entry.TotalSize();
  call.reply.Integer(static_cast<int64_t>(storage::AllocationSize(entry.TotalSize()) + beside) + kSlotBytes);
}

void Stats(AdminCall& call) {
  const MemoryReport report = ReportMemory(call.server.report_parts(), call.txn);
  resp::ReplyWriter& reply = call.reply;
  const auto integer = [&](std::string_view name, uint64_t value) {
    reply.Bulk(name);
    reply.Integer(static_cast<int64_t>(value));
  };
  const auto ratio = [&](std::string_view name, double value) {
    reply.Bulk(name);
    reply.Double(value);
  };
  reply.Map(static_cast<int64_t>(28 + report.databases.size()));
  integer("peak.allocated", report.peak);
  integer("total.allocated", report.used);
  integer("startup.allocated", report.startup);
  integer("replication.backlog", report.backlog);
  integer("clients.slaves", report.replicas);
  integer("clients.normal", report.clients);
  integer("cluster.links", 0);
  integer("aof.buffer", report.log_buffer);
  integer("lua.caches", 0);
  integer("functions.caches", 0);
  for (const auto& [db, size] : report.databases) {
    reply.Bulk("db." + std::to_string(db));
    reply.Map(3);
    integer("overhead.hashtable.main", TableBytes(call.txn, db));
    integer("overhead.hashtable.expires", 0);  // in the segments of the same tables
    integer("overhead.hashtable.slot-to-keys", 0);
  }
  integer("overhead.total", report.overhead());
  integer("overhead.tables", report.tables);
  integer("keys.count", report.keys);
  integer("keys.bytes-per-key",
          report.keys > 0 ? (report.used - std::min(report.used, report.startup)) / report.keys : 0);
  integer("dataset.bytes", report.dataset());
  ratio("dataset.percentage", report.DatasetPercentage());
  ratio("peak.percentage",
        report.peak > 0 ? 100.0 * static_cast<double>(report.used) / static_cast<double>(report.peak) : 0);
  integer("allocator.allocated", report.allocator.allocated);
  integer("allocator.active", report.allocator.active);
  integer("allocator.resident", report.allocator.resident);
  ratio("allocator-fragmentation.ratio", MemoryReport::Ratio(report.allocator.active, report.allocator.allocated));
  integer("allocator-fragmentation.bytes", MemoryReport::Beyond(report.allocator.active, report.allocator.allocated));
  ratio("allocator-rss.ratio", MemoryReport::Ratio(report.allocator.resident, report.allocator.active));
  integer("allocator-rss.bytes", MemoryReport::Beyond(report.allocator.resident, report.allocator.active));
  ratio("rss-overhead.ratio", MemoryReport::Ratio(report.resident, report.allocator.resident));
  integer("rss-overhead.bytes", MemoryReport::Beyond(report.resident, report.allocator.resident));
  ratio("fragmentation", MemoryReport::Ratio(report.resident, report.used));
  integer("fragmentation.bytes", MemoryReport::Beyond(report.resident, report.used));
}

void Doctor(AdminCall& call) {
  constexpr size_t kTooSmall = 5 * 1024 * 1024;
  constexpr double kHighFragmentation = 1.4;
  constexpr double kHighPeak = 1.5;
  const MemoryReport report = ReportMemory(call.server.report_parts(), call.txn);
  std::string text;
  if (report.used < kTooSmall) {
    text = "This instance uses less than 5 MB: too little to judge.\n";
  } else {
    if (static_cast<double>(report.peak) > kHighPeak * static_cast<double>(report.used)) {
      text += "Peak: memory use was far higher before (" + std::to_string(report.peak) +
              " bytes); freed pages may not have gone back to the system. MEMORY PURGE returns them.\n";
    }
    if (MemoryReport::Ratio(report.resident, report.used) > kHighFragmentation) {
      text += "Fragmentation: the process holds " + std::to_string(report.resident) + " bytes for " +
              std::to_string(report.used) + " in use.\n";
    }
    if (text.empty()) text = "No memory issue found.\n";
  }
  call.reply.Verbatim(text, "txt");
}

void MallocStats(AdminCall& call) { call.reply.Verbatim(storage::DescribeAllocator(), "txt"); }

void Purge(AdminCall& call) {
  storage::PurgeFreePages();
  call.reply.Ok();
}

constexpr std::string_view kMemoryTips = "nondeterministic_output request_policy:all_shards response_policy:special";

constexpr Command kMemoryCommands[] = {
    {.name = "memory",
     .arity = -2,
     .group = Group::kServer,
     .since = "4.0.0",
     .complexity = "Depends on subcommand.",
     .summary = "Container of memory commands.",
     .is_container = true},
    {.name = "doctor",
     .parent = "memory",
     .arity = 2,
     .traits = kOnlyShows,
     .scope = Scope::kWalks,
     .group = Group::kServer,
     .tips = kMemoryTips,
     .since = "4.0.0",
     .summary = "Reports memory problems.",
     .run = Admin(Doctor)},
    {.name = "help",
     .parent = "memory",
     .arity = 2,
     .flags = kLoading | kStale,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .since = "4.0.0",
     .summary = "Lists the subcommands.",
     .run = Admin(ReplyHelp)},
    {.name = "malloc-stats",
     .parent = "memory",
     .arity = 2,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .tips = kMemoryTips,
     .since = "4.0.0",
     .complexity = "Depends on how much memory is allocated, could be slow",
     .summary = "Returns the allocator's own report.",
     .run = Admin(MallocStats)},
    {.name = "purge",
     .parent = "memory",
     .arity = 2,
     .group = Group::kServer,
     .tips = "request_policy:all_shards response_policy:all_succeeded",
     .since = "4.0.0",
     .complexity = "Depends on how much memory is allocated, could be slow",
     .summary = "Returns free memory to the system.",
     .run = Admin(Purge)},
    {.name = "stats",
     .parent = "memory",
     .arity = 2,
     .traits = kOnlyShows,
     .scope = Scope::kWalks,
     .group = Group::kServer,
     .tips = kMemoryTips,
     .since = "4.0.0",
     .summary = "Returns details about memory usage.",
     .run = Admin(Stats)},
    {.name = "usage",
     .parent = "memory",
     .arity = -3,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO, 2),
     .group = Group::kServer,
     .since = "4.0.0",
     .complexity = "O(N) where N is the number of samples.",
     .syntax = "key [SAMPLES count]",
     .summary = "Returns the memory usage of a key with its value.",
     .run = Data(Usage)},
};
static_assert(RowsAreSound(kMemoryCommands));

}  // namespace

std::span<const Command> MemoryCommands() { return kMemoryCommands; }

}  // namespace ringkv::server
