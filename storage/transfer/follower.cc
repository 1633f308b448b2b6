// SPDX-License-Identifier: MIT
#include "storage/transfer/follower.h"

#include "storage/base/checksum.h"
#include "storage/log/log_reader.h"
#include "storage/snapshot/run_loader.h"

namespace ringkv::storage {

void Follower::Resume(Lsn last) {
  is_loading_ = false;
  last_ = last;
  runs_ = RunMap();
  replay_ = std::make_unique<EffectReplay>(store_, runs_, store_.clock().Now());
  replay_->set_follows(true);
}

Status Follower::Begin(std::string_view header) {
  const Result<FileHeader> decoded = DecodeFileHeader(kSnapshotMagic, header);
  if (!decoded) return tl::unexpected(decoded.error());
  placement_ = {decoded->hash_seed, decoded->by_slot};
  {
    Random random(placement_.seed);
    Txn txn(store_, store_.clock().Now(), random);
    txn.LockAll();
    txn.Replace(placement_.seed);
  }
  is_loading_ = true;
  sections_ = 0;
  keys_ = 0;
  last_ = decoded->lsn;
  runs_ = RunMap(placement_);
  replay_ = std::make_unique<EffectReplay>(store_, runs_, store_.clock().Now());
  return {};
}

Status Follower::TakeSection(std::string_view bytes) {
  Section section;
  if (!is_loading_ || !DecodeSection(bytes, &section)) return Fail("a section of the snapshot is damaged");
  const std::string_view body = bytes.substr(kSectionHeaderBytes);
  if (section.number != sections_++ || section.stored_bytes != body.size()) {
    return Fail("a section of the snapshot is out of order");
  }
  if (Checksum(body) != section.body_checksum) return Fail("the checksum of a section is wrong");
  switch (section.kind) {
    case SectionKind::kBlock: return TakeBlock(section, body);
    case SectionKind::kLibraries: return TakeLibraries(section, body);
    case SectionKind::kLedger: return TakeLedger(section, body);
    case SectionKind::kEnd: return TakeEnd(section, body);
    default: return Fail("a section of an unknown kind");
  }
}

Status Follower::TakeBlock(const Section& section, std::string_view body) {
  std::string buffer;
  const auto raw = decompressor_.RawBytes(section.codec, body, section.raw_bytes, &buffer);
  if (!raw) return Fail("a block does not decompress");
  ByteReader reader(*raw);
  while (!reader.AtEnd()) {
    BlockRun run;
    if (const std::string wrong = LoadRun(reader, placement_, store_, &keys_, &run); !wrong.empty()) return Fail(wrong);
    if (!runs_.Append(run)) return Fail("a stretch of the keyspace is missing");
  }
  return {};
}

Status Follower::TakeLibraries(const Section& section, std::string_view body) {
  LibrarySet libraries;
  if (section.codec != Codec::kStored || !DecodeLibraries(body, &libraries)) return Fail("the libraries are invalid");
  Random random(placement_.seed);
  Txn txn(store_, store_.clock().Now(), random);
  txn.LockAll();
  store_.libraries().Replace({.set = std::make_shared<const LibrarySet>(std::move(libraries))});
  return {};
}

Status Follower::TakeLedger(const Section& section, std::string_view body) {
  if (section.codec != Codec::kStored) return Fail("the ledger of slots is invalid");
  Random random(placement_.seed);
  Txn txn(store_, store_.clock().Now(), random);
  txn.LockAll();
  store_.ledger().Replace(body);
  return {};
}

Status Follower::TakeEnd(const Section& section, std::string_view body) {
  SnapshotEnd end;
  if (section.codec != Codec::kStored || !DecodeEnd(body, &end)) return Fail("the end section is invalid");
  if (!runs_.is_complete() || end.keys != keys_) return Fail("the snapshot is not whole");
  if (end.last != last_ || runs_.highest() > last_) return Fail("the snapshot ends before its effects");
  Resume(last_);
  return {};
}

Status Follower::TakeFrame(std::string_view bytes) {
  LogFrame frame;
  if (replay_ == nullptr || !DecodeFrame(bytes, &frame) || frame.TotalBytes() != bytes.size()) {
    return Fail("a frame of the log is damaged");
  }
  if (frame.first > last_ + 1) return Fail("groups are missing before LSN " + std::to_string(frame.first));
  replay_->set_now(store_.clock().Now());
  groups_.clear();
  const bool is_whole = ForEachGroup(frame, [&](Lsn lsn, std::string_view effects) {
    if (lsn > last_) groups_.push_back(effects);
    return true;
  });
  const size_t applied = is_whole ? replay_->Apply(last_ + 1, groups_) : 0;
  last_ += applied;
  if (!is_whole || applied < groups_.size())
    return Fail("the effects of LSN " + std::to_string(last_ + 1) + " do not apply to the data");
  frame_time_ = frame.time;
  return {};
}

}  // namespace ringkv::storage
