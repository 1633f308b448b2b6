// SPDX-License-Identifier: MIT
// DEBUG subcommands that show how a value is kept: our layout, under the names of Redis.
#include <cstdio>
#include <string>

#include "server/command/error_replies.h"
#include "server/commands/debug_parts.h"
#include "server/composition/server.h"
#include "server/execution/outcome.h"
#include "server/session/session.h"
#include "storage/base/allocator.h"
#include "storage/table/segment.h"
#include "storage/transaction/totals.h"
#include "storage/types/encoding.h"

namespace ringkv::server {

std::optional<storage::Place> FindDebugged(AdminCall& call) {
  if (!call.txn.holds_all() && !call.txn.LockKey(call.args[2], !call.txn.skips_held())) {
    call.outcome = outcome::Postponed{};
    return std::nullopt;
  }
  const storage::Place place = call.txn.Find(call.session.db, call.args[2], storage::Intent::kCheck);
  if (place) return place;
  call.reply.Error(errors::kNoSuchKey);
  return std::nullopt;
}

void DebugObject(AdminCall& call) {
  const std::optional<storage::Place> place = FindDebugged(call);
  if (!place) return;
  const storage::Entry& entry = place->entry();
  char text[256];
  std::snprintf(text, sizeof text,
                "Value at:%p refcount:%d encoding:%s serializedlength:%zu lru:%u lru_seconds_idle:%lld",
                static_cast<const void*>(&entry), storage::IsSharedInteger(entry) ? INT32_MAX : 1,
                std::string(storage::EncodingName(entry)).c_str(), entry.value().size() + 1, entry.access(),
                static_cast<long long>(storage::IdleSeconds(entry.access(), call.txn.now())));
  call.reply.Simple(text);
}

namespace {

// Writes the structure of a value with this encoding to the log, which is the standard output by default.
void LogStructure(AdminCall& call, std::string_view encoding, std::string_view shown) {
  const std::optional<storage::Place> place = FindDebugged(call);
  if (!place) return;
  const storage::Entry& entry = place->entry();
  if (storage::EncodingName(entry) != encoding) {
    return call.reply.Error("ERR Not a " + std::string(encoding) + " encoded object.");
  }
  call.server.log().Notice("DEBUG " + std::string(shown) + " '" + std::string(call.args[2]) +
                           "': " + std::to_string(entry.value().size()) + " bytes beside the key, " +
                           std::to_string(entry.MemorySize()) + " bytes in all");
  call.reply.Simple(std::string(shown) + " structure printed on stdout");
}

}  // namespace

void DebugListpack(AdminCall& call) { LogStructure(call, "listpack", "Listpack"); }
void DebugQuicklist(AdminCall& call) { LogStructure(call, "quicklist", "Quicklist"); }

// A key, its value and a header are one allocation, which is given twice.
void DebugSdsLen(AdminCall& call) {
  const std::optional<storage::Place> place = FindDebugged(call);
  if (!place) return;
  const storage::Entry& entry = place->entry();
  if (entry.type() != storage::ValueType::kString) return call.reply.Error("ERR Not an sds encoded string.");
  const size_t allocated = storage::AllocationSize(entry.TotalSize());
  char text[256];
  std::snprintf(
      text, sizeof text,
      "key_sds_len:%zu, key_sds_avail:0, key_zmalloc: %zu, val_sds_len:%zu, val_sds_avail:%zu, val_zmalloc: %zu",
      entry.key().size(), allocated, entry.value().size(), allocated - entry.TotalSize(), allocated);
  call.reply.Simple(text);
}

void DebugTables(AdminCall& call) {
  const std::optional<int64_t> db = resp::ParseInteger(call.args[2]);
  if (!db) return call.reply.Error(errors::kNotInteger);
  if (*db < 0 || *db >= static_cast<int64_t>(call.txn.store().databases())) {
    return call.reply.Error("ERR Out of range database");
  }
  const storage::DatabaseSize size = SizeOf(call.txn, static_cast<storage::DbIndex>(*db));
  call.reply.Verbatim("[Dictionary HT]\n number of elements: " + std::to_string(size.keys) +
                          "\n bytes of the tables of all databases: " + std::to_string(TableBytes(call.txn)) +
                          "\n[Expires HT]\n number of elements: " + std::to_string(size.volatile_keys) + "\n",
                      "txt");
}

void DebugTableOf(AdminCall& call) {
  const std::optional<storage::Place> place = FindDebugged(call);
  if (!place) return;
  const storage::Entry& entry = place->entry();
  const std::string_view encoding = storage::EncodingName(entry);
  if (encoding != "hashtable" && encoding != "skiplist") {
    return call.reply.Error("ERR The value stored at the specified key is not represented using an hash table");
  }
  call.reply.Verbatim("[Dictionary HT]\n bytes: " + std::to_string(entry.MemorySize()) + "\n", "txt");
}

void DebugStructSize(AdminCall& call) {
  call.reply.Simple("bits:" + std::to_string(8 * sizeof(void*)) + " client:" + std::to_string(sizeof(ClientCard)) +
                    " session:" + std::to_string(sizeof(Session)) +
                    " segment:" + std::to_string(sizeof(storage::Segment)));
}

}  // namespace ringkv::server
