// SPDX-License-Identifier: MIT
#include "server/commands/debug.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "server/command/error_replies.h"
#include "server/commands/help.h"
#include "server/server.h"
#include "server/session/session.h"
#include "storage/base/byte_codec.h"
#include "storage/base/checksum.h"
#include "storage/transaction/walk.h"
#include "storage/types/encoding.h"
#include "storage/types/hash.h"
#include "storage/types/list.h"
#include "storage/types/set.h"
#include "storage/types/sorted_set.h"
#include "storage/types/stream.h"

namespace ringkv::server {
namespace {

void Sleep(AdminCall& call) {
  const double seconds = std::strtod(std::string(call.args[2]).c_str(), nullptr);
  constexpr double kLongest = 3600;
  if (seconds > 0 && seconds <= kLongest) std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  call.reply.Ok();
}

void Object(AdminCall& call) {
  if (!call.txn.holds_all()) call.txn.LockKey(call.args[2]);
  const storage::Place place = call.txn.Find(call.session.db, call.args[2], storage::Intent::kCheck);
  if (!place) return call.reply.Error(errors::kNoSuchKey);
  const storage::Entry& entry = place.entry();
  char text[256];
  std::snprintf(text, sizeof text,
                "Value at:%p refcount:%d encoding:%s serializedlength:%zu lru:%u lru_seconds_idle:%lld",
                static_cast<const void*>(&entry), storage::IsSharedInteger(entry) ? INT32_MAX : 1,
                std::string(storage::EncodingName(entry)).c_str(), entry.value().size() + 1, entry.access(),
                static_cast<long long>(storage::IdleSeconds(entry.access(), call.txn.now())));
  call.reply.Simple(text);
}

// When consumers were last seen is not the same everywhere.
uint64_t StreamDigest(const storage::Stream& stream, uint64_t key) {
  std::string text;
  const auto put_id = [&](const storage::StreamId& id) {
    storage::PutFixed(&text, id.ms);
    storage::PutFixed(&text, id.seq);
  };
  put_id(stream.last_id());
  put_id(stream.greatest_erased());
  storage::PutFixed(&text, stream.added());
  stream.Visit(storage::kFirstStreamId, storage::kLastStreamId, false, [&](const storage::StreamEntry& entry) {
    put_id(entry.id());
    entry.ForEachField([&](std::string_view name, std::string_view value) {
      storage::PutText(&text, name);
      storage::PutText(&text, value);
    });
    return true;
  });
  for (const auto& [name, group] : stream.groups()) {
    storage::PutText(&text, name);
    put_id(group.last_id);
    storage::PutFixed(&text, group.read);
    for (const auto& [id, pending] : group.pending()) {
      put_id(id);
      storage::PutText(&text, *pending.consumer);
      storage::PutFixed(&text, pending.delivered);
      storage::PutFixed(&text, pending.deliveries);
    }
    for (const auto& consumer : group.consumers()) storage::PutText(&text, consumer.first);
  }
  std::string seed;
  storage::PutFixed(&seed, key);
  return storage::Checksum(seed, text);
}

// Elements that have no order are added up.
uint64_t EntryDigest(const storage::Entry& entry, uint64_t key) {
  uint64_t digest = 0;
  std::string text;
  const auto bytes_of = [&](uint64_t first, std::string_view other) {
    text.clear();
    storage::PutFixed(&text, key);
    storage::PutFixed(&text, first);
    storage::PutText(&text, other);
    return std::string_view(text);
  };
  switch (entry.type()) {
    case storage::ValueType::kString: return storage::Checksum(bytes_of(0, {}), entry.value());
    case storage::ValueType::kHash:
      storage::HashView(&entry).ForEach([&](std::string_view field, std::string_view value) {
        digest += storage::Checksum(bytes_of(1, field), value);
      });
      break;
    case storage::ValueType::kList:
      storage::ListView(&entry).ForEach(
          [&](std::string_view element) { digest = storage::Checksum(bytes_of(digest, {}), element); });
      break;
    case storage::ValueType::kSet:
      storage::SetView(&entry).ForEach(
          [&](std::string_view member) { digest += storage::Checksum(bytes_of(2, {}), member); });
      break;
    case storage::ValueType::kSortedSet:
      storage::SortedSetView(&entry).ForEach([&](std::string_view member, double score) {
        // Whether a zero has a sign depends on how the set is kept.
        digest += storage::Checksum(bytes_of(std::bit_cast<uint64_t>(score + 0.0), {}), member);
      });
      break;
    case storage::ValueType::kStream: return StreamDigest(storage::StreamIn(entry), key);
  }
  return digest;
}

// Equal for equal data, whatever the order: to compare a replica with its primary.
void Digest(AdminCall& call) {
  constexpr size_t kAtOnce = 1000;
  uint64_t digest = 0;
  for (storage::DbIndex db = 0; db < call.txn.store().databases(); ++db) {
    uint64_t cursor = 0;
    do {
      cursor = Walk(call.txn, db, cursor, kAtOnce, [&](const storage::Entry& entry) {
        std::string key;
        storage::PutVarint(&key, db);
        storage::PutFixed(&key, entry.expiry());
        storage::PutText(&key, entry.key());
        digest += EntryDigest(entry, storage::Checksum(key, {}));
      });
    } while (cursor != 0);
  }
  char text[48];
  std::snprintf(text, sizeof text, "%040llx", static_cast<unsigned long long>(digest));
  call.reply.Simple(text);
}

void Help(AdminCall& call) {
  static constexpr std::string_view kLines[] = {
      "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
      "DIGEST",
      "    Returns a digest of all data, as forty digits.",
      "OBJECT key",
      "    Shows the internal representation of a value.",
      "SET-ACTIVE-EXPIRE <0|1>",
      "    Disables or enables active expiry.",
      "SLEEP seconds",
      "    Blocks the thread of this connection.",
      "HELP",
      "    Lists the subcommands.",
  };
  call.reply.Array(std::size(kLines));
  for (const std::string_view line : kLines) call.reply.Simple(line);
}

}  // namespace

void Debug(AdminCall& call) {
  const std::string_view what = call.args[1];
  const size_t argc = call.args.size();
  if (argc == 3 && EqualsIgnoringCase(what, "sleep")) return Sleep(call);
  if (argc == 3 && EqualsIgnoringCase(what, "object")) return Object(call);
  if (argc == 2 && EqualsIgnoringCase(what, "digest")) return Digest(call);
  if (argc == 2 && EqualsIgnoringCase(what, "help")) return Help(call);
  if (argc == 3 && EqualsIgnoringCase(what, "set-active-expire")) {
    call.server.housekeeping().set_active_expiry(call.args[2] != "0");
    return call.reply.Ok();
  }
  call.reply.Error(WrongSubcommand(what, "DEBUG"));
}

}  // namespace ringkv::server
