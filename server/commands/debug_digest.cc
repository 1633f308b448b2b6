// SPDX-License-Identifier: MIT
// DEBUG DIGEST and DIGEST-VALUE: equal for equal data, so that servers can be compared.
#include <bit>
#include <cstdio>
#include <string>

#include "server/commands/debug_parts.h"
#include "server/execution/outcome.h"
#include "server/session/session.h"
#include "storage/base/byte_codec.h"
#include "storage/base/checksum.h"
#include "storage/keyspace/store.h"
#include "storage/transaction/walk.h"
#include "storage/types/hash.h"
#include "storage/types/list.h"
#include "storage/types/set.h"
#include "storage/types/sorted_set.h"
#include "storage/types/stream.h"

namespace ringkv::server {
namespace {

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
      storage::HashView(&entry).ForEachField([&](const storage::HashField& field) {
        const uint64_t expiry = field.expiry == storage::kNoExpiry ? 1 : static_cast<uint64_t>(field.expiry);
        digest += storage::Checksum(bytes_of(expiry, field.name), field.value);
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

std::string DigestText(uint64_t digest) {
  char text[48];
  std::snprintf(text, sizeof text, "%040llx", static_cast<unsigned long long>(digest));
  return text;
}

}  // namespace

// Equal for equal data, whatever the order: to compare a replica with its primary.
void DebugDigest(AdminCall& call) {
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
  call.reply.Simple(DigestText(digest));
}

void DebugDigestValue(AdminCall& call) {
  call.reply.Array(static_cast<int64_t>(call.args.size()) - 2);
  for (size_t i = 2; i < call.args.size(); ++i) {
    if (!call.txn.holds_all() && !call.txn.LockKey(call.args[i], !call.txn.skips_held())) {
      call.outcome = outcome::Postponed{};
      return;
    }
    const storage::Place place = call.txn.Find(call.session.db, call.args[i], storage::Intent::kCheck);
    call.reply.Simple(DigestText(place ? EntryDigest(place.entry(), 0) : 0));
    if (!call.txn.holds_all()) call.txn.Unlock();
  }
}

}  // namespace ringkv::server
