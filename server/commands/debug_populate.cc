// SPDX-License-Identifier: MIT
// DEBUG POPULATE: many keys at once, in slices between which others are served.
#include <memory>
#include <string>
#include <utility>

#include "server/command/error_replies.h"
#include "server/commands/debug_parts.h"
#include "server/composition/server.h"
#include "server/execution/outcome.h"
#include "server/session/session.h"
#include "storage/base/allocator.h"
#include "storage/effects/key_event.h"

namespace ringkv::server {
namespace {

struct Populated {
  storage::DbIndex db = 0;
  std::string prefix;
  int64_t count = 0;
  size_t bytes_each = 0;
};

// The value of the key with this number, cut or filled with zeros to `size` bytes; 0: as it is.
std::string PopulatedValue(int64_t number, size_t size) {
  std::string value = "value:" + std::to_string(number);
  if (size > 0) value.resize(size, '\0');
  return value;
}

// Existing keys are left as they are. False if the key is held for long, which is noted.
bool PutIfMissing(storage::Txn& txn, const Populated& what, int64_t number) {
  const std::string key = what.prefix + ":" + std::to_string(number);
  const bool is_locked = txn.holds_all();
  if (!is_locked && !txn.LockKey(key, !txn.skips_held())) {
    txn.NoteSkipped();
    return false;
  }
  storage::Place place = txn.Find(what.db, key, storage::Intent::kWrite);
  if (!place) txn.Do(place, storage::StringPut{PopulatedValue(number, what.bytes_each)}, storage::events::kNone);
  if (!is_locked) txn.Unlock();
  return true;
}

class PopulateStream final : public ReplyStream {
 public:
  explicit PopulateStream(Populated what) : what_(std::move(what)) {}

  bool Continue(storage::Txn& txn, resp::Buffer& out) override {
    constexpr int64_t kSliceMicros = 1000;
    constexpr int64_t kKeysALook = 16;  // at the clock
    const storage::Clock& clock = txn.store().clock();
    const int64_t end = clock.SteadyMicros() + kSliceMicros;
    // Its client may have become one of a replica meanwhile.
    const bool may_write = txn.store().authority() == storage::Authority::kOwner;
    while (may_write && next_ < what_.count && (next_ % kKeysALook != 0 || clock.SteadyMicros() < end)) {
      if (!PutIfMissing(txn, what_, next_)) return true;
      ++next_;
    }
    if (may_write && next_ < what_.count) return true;
    if (may_write) {
      out.Append("+OK\r\n");
    } else {
      out.Append("-");
      out.Append(errors::kReadOnly);
      out.Append("\r\n");
    }
    return false;
  }

 private:
  const Populated what_;
  int64_t next_ = 0;
};

// More keys than this machine has memory for would end the server.
bool FitIntoMemory(const Populated& what) {
  constexpr size_t kLeastBytes = 48;  // of a key, beside its texts
  return static_cast<size_t>(what.count) <=
         storage::MachineMemory() / (kLeastBytes + what.prefix.size() + what.bytes_each);
}

}  // namespace

void DebugPopulate(AdminCall& call) {
  constexpr int64_t kMostInTransaction = 1'000'000;  // under the locks of all keys
  if (call.txn.store().placement().by_slot) {
    return call.reply.Error("ERR DEBUG POPULATE makes keys of all slots, which a node of a cluster does not own");
  }
  if (call.txn.store().authority() != storage::Authority::kOwner) return call.reply.Error(errors::kReadOnly);
  const std::optional<int64_t> count = resp::ParseInteger(call.args[2]);
  if (!count || *count < 0) return call.reply.Error(errors::kNotPositive);
  const std::optional<int64_t> size = call.args.size() > 4 ? resp::ParseInteger(call.args[4]) : 0;
  if (!size || *size < 0) return call.reply.Error(errors::kNotPositive);
  if (*size > call.server.options().proto_max_bulk_len) return call.reply.Error(errors::kStringTooLong);
  Populated what{.db = call.session.db,
                 .prefix = std::string(call.args.size() > 3 ? call.args[3] : "key"),
                 .count = *count,
                 .bytes_each = static_cast<size_t>(*size)};
  if (!FitIntoMemory(what)) return call.reply.Error("ERR so many keys need more memory than this machine has");
  if (!call.txn.holds_all()) {
    call.outcome = outcome::Stream{.parts = std::make_unique<PopulateStream>(std::move(what)), .is_last = false};
    return;
  }
  if (*count > kMostInTransaction) return call.reply.Error("ERR more than 1000000 keys inside of a transaction");
  for (int64_t i = 0; i < *count; ++i) PutIfMissing(call.txn, what, i);
  call.reply.Ok();
}

}  // namespace ringkv::server
