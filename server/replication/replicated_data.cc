// SPDX-License-Identifier: MIT
#include "server/replication/replicated_data.h"

#include <string>

#include "storage/base/random.h"
#include "storage/transaction/txn.h"

namespace ringkv::server {

using storage::Result;
using storage::Status;

ReplicatedData::Applied ReplicatedData::ResumeBehind(storage::Lsn last) {
  follower_.Resume(last);
  return Now();
}

Result<ReplicatedData::Applied> ReplicatedData::TakeFrame(std::string_view bytes) {
  if (Status taken = follower_.TakeFrame(bytes); !taken) return tl::unexpected(taken.error());
  return Now();
}

Status ReplicatedData::BeginReplacement() {
  parts_.data.SetReplacing(true);
  owner_.CloseFeeds();
  return parts_.data.durability().BeginReplacement();
}

Status ReplicatedData::BeginSnapshot(std::string_view header) {
  progress_.emplace(parts_.world.clock);
  return follower_.Begin(header);
}

Result<ReplicatedData::Applied> ReplicatedData::TakeSection(std::string_view bytes) {
  if (Status taken = follower_.TakeSection(bytes); !taken) return tl::unexpected(taken.error());
  if (!follower_.is_loading()) {
    parts_.log.Notice("the snapshot is loaded: " + std::to_string(follower_.keys_loaded()) + " keys, up to LSN " +
                      std::to_string(follower_.last()));
  } else if (const auto line = progress_->Next("loading the primary's data", {}, follower_.keys_loaded(), "keys")) {
    parts_.log.Notice(*line);
  }
  return Now();
}

void ReplicatedData::Clear() {
  parts_.log.Warning("this replica had only a part of a snapshot: it starts empty");
  storage::Random random(1);
  storage::Txn txn(parts_.data.store(), parts_.world.clock.Now(), random);
  txn.LockAll();
  txn.Replace(parts_.world.chance.Next());
  txn.Unlock();
}

void ReplicatedData::EndReplacement(storage::Lsn last) {
  parts_.data.durability().EndReplacement(last, !parts_.options.save.Get().empty());
  backlog_.backlog().Clear(last);
}

}  // namespace ringkv::server
