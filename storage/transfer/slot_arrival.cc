// SPDX-License-Identifier: MIT
#include "storage/transfer/slot_arrival.h"

#include <algorithm>

#include "storage/base/checksum.h"
#include "storage/effects/effect_codec.h"
#include "storage/replay/effect_apply.h"
#include "storage/transaction/walk.h"
#include "storage/transfer/slot_stream.h"

namespace ringkv::storage {
namespace {

constexpr DbIndex kDatabase = 0;  // a cluster has no other

// Effects that a store may be given from outside.
bool MakesSense(const EffectRecord& record, uint64_t longest_string) {
  return HasKey(record.effect) && record.db == kDatabase && IsSound(record.effect, longest_string);
}

// Call with something locked: until that is free it stays so. What is changed in a follower is nobody's.
bool IsOwner(const Store& store) { return store.authority() == Authority::kOwner; }

constexpr const char* kFollowsAnother = "this store follows another one now";

}  // namespace

// --- erasing --------------------------------------------------------------------------------------------------------

SlotEraser::SlotEraser(Store& store, std::vector<PositionRange> ranges)
    : store_(store),
      random_(store.placement().seed),
      txn_(store, store.clock().Now(), random_),
      ranges_(std::move(ranges)) {
  txn_.set_keeps_expired(true);
  txn_.set_shows_foreign(true);
}

void SlotEraser::Only(const Placement& placement, const PositionRange& range) {
  filter_placement_ = placement;
  filter_ = range;
  is_filtered_ = true;
}

bool SlotEraser::Step() {
  constexpr size_t kAtOnce = 128;
  if (at_ == ranges_.size()) return false;
  const PositionRange& range = ranges_[at_];
  cursor_ = std::max(cursor_, range.first);
  keys_.clear();
  const uint64_t next = Walk(txn_, kDatabase, cursor_, kAtOnce, [&](const Entry& entry) {
    const bool is_meant = !is_filtered_ || filter_.Contains(PositionOf(entry.key(), filter_placement_));
    if (is_meant && range.Contains(PositionOf(entry.key(), store_.placement()))) keys_.emplace_back(entry.key());
  });
  if (!EraseKeys()) at_ = ranges_.size();
  if (at_ == ranges_.size()) return false;
  cursor_ = next == 0 ? kPositions : next;
  if (cursor_ >= range.end) {
    ++at_;
    cursor_ = 0;
  }
  return at_ < ranges_.size();
}

bool SlotEraser::EraseKeys() {
  constexpr size_t kAGroup = 32;  // so many under one lock
  for (size_t first = 0; first < keys_.size(); first += kAGroup) {
    const size_t end = std::min(first + kAGroup, keys_.size());
    for (size_t i = first; i < end; ++i) txn_.AddKey(keys_[i]);
    txn_.LockAdded();
    if (!IsOwner(store_)) {
      txn_.Unlock();
      return false;
    }
    for (size_t i = first; i < end; ++i) {
      Place place = txn_.Find(kDatabase, keys_[i], Intent::kCheck);
      if (!place) continue;
      txn_.Do(place, Erase{EraseReason::kMoved}, events::kNone);
      ++erased_;
    }
    txn_.Unlock();
  }
  return true;
}

// --- arriving -------------------------------------------------------------------------------------------------------

SlotArrival::SlotArrival(Store& store, std::vector<PositionRange> ranges, const Placement& source)
    : store_(store),
      ranges_(std::move(ranges)),
      source_(source),
      random_(store.placement().seed),
      txn_(store, store.clock().Now(), random_) {
  // The owner of a key expires it, and notifies subscribers of its changes.
  txn_.set_keeps_expired(true);
  txn_.set_is_silent(true);
}

bool SlotArrival::IsExpected(std::string_view key) const {
  const Position position = PositionOf(key, store_.placement());
  return std::any_of(ranges_.begin(), ranges_.end(),
                     [&](const PositionRange& range) { return range.Contains(position); });
}

Status SlotArrival::TakeSection(std::string_view bytes) {
  Section section;
  if (!DecodeSection(bytes, &section) || section.kind != SectionKind::kBlock) return Fail("a block of keys is damaged");
  const std::string_view body = bytes.substr(kSectionHeaderBytes);
  if (section.number != sections_++ || section.stored_bytes != body.size()) return Fail("a block of keys is missing");
  if (Checksum(body) != section.body_checksum) return Fail("the checksum of a block is wrong");
  return TakeBlock(section, body);
}

Status SlotArrival::TakeBlock(const Section& section, std::string_view body) {
  std::string buffer;
  const auto raw = decompressor_.RawBytes(section.codec, body, section.raw_bytes, &buffer);
  if (!raw) return Fail("a block does not decompress");
  txn_.set_now(store_.clock().Now());
  ByteReader reader(*raw);
  while (!reader.AtEnd()) {
    if (Status taken = TakeRun(reader); !taken) return taken;
  }
  return {};
}

Status SlotArrival::TakeRun(ByteReader& reader) {
  entries_.clear();
  DecodeRun(&reader);
  for (uint64_t number = reader.Varint(); number != 0; number = reader.Varint()) {
    const uint64_t count = reader.Varint();
    if (number != kDatabase + 1) return Fail("a block has keys of a database that a cluster doesn't have");
    for (uint64_t i = 0; i < count && reader.ok(); ++i) {
      entries_.push_back(DecodeEntry(&reader));
      if (!IsExpected(entries_.back().key)) return Fail("a key came whose slot isn't expected");
    }
  }
  if (!reader.ok()) return Fail("a block ends within an entry");
  if (entries_.empty()) return {};
  for (const BlockEntry& entry : entries_) txn_.AddKey(entry.key);
  txn_.LockAdded();
  if (!IsOwner(store_)) {
    txn_.Unlock();
    return Fail(kFollowsAnother);
  }
  for (const BlockEntry& entry : entries_) {
    Place place = txn_.Find(kDatabase, entry.key, Intent::kCheck);
    if (entry.kind.type() == ValueType::kString) {
      txn_.Do(place, StringPut{entry.value, entry.expiry, entry.kind.string_form()}, events::kNone);
    } else {
      txn_.Do(place, CollectionPut{entry.kind, entry.value, entry.expiry}, events::kNone);
    }
    txn_.SetAccess(place, entry.access);
  }
  txn_.Unlock();
  keys_ += entries_.size();
  return {};
}

Status SlotArrival::TakeChanges(std::string_view bytes) {
  txn_.set_now(store_.clock().Now());
  ByteReader reader(bytes);
  while (!reader.AtEnd()) {
    const auto kind = static_cast<SlotChange>(reader.Fixed<uint8_t>());
    if (kind == SlotChange::kGroup) {
      if (Status taken = TakeGroup(reader.Text()); !taken) return taken;
    } else if (kind == SlotChange::kErase) {
      PositionRange range;
      range.first = reader.Fixed<uint64_t>();
      range.end = reader.Fixed<uint64_t>();
      if (!reader.ok()) break;
      SlotEraser eraser(store_, ranges_);
      eraser.Only(source_, range);
      while (eraser.Step()) {
      }
    } else {
      return Fail("a change of an unknown kind came");
    }
  }
  return reader.ok() ? Status() : Fail("a change is cut short");
}

Status SlotArrival::TakeGroup(std::string_view effects) {
  std::vector<EffectRecord> records;
  ByteReader reader(effects);
  while (!reader.AtEnd()) {
    records.push_back(DecodeEffect(&reader));
    if (!reader.ok() || !MakesSense(records.back(), store_.longest_string()) || !IsExpected(records.back().key)) {
      return Fail("a change does not apply to the data");
    }
    txn_.AddKey(records.back().key);
  }
  if (records.empty()) return Fail("a group of changes is empty");
  txn_.LockAdded();
  if (!IsOwner(store_)) {
    txn_.Unlock();
    return Fail(kFollowsAnother);
  }
  for (const EffectRecord& record : records) {
    Place place = txn_.Find(kDatabase, record.key, Intent::kCheck);
    ApplyToKey(txn_, place, record.effect);  // what was erased before it was copied is no error
  }
  txn_.Unlock();
  return {};
}

}  // namespace ringkv::storage
