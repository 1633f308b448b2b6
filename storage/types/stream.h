// SPDX-License-Identifier: MIT
// Streams: entries with fields, ordered by ID, and consumer groups. Entries are stored in blocks of up to
// stream-node-max-entries and stream-node-max-bytes.
//
// Unlike other collections a stream may be empty, and is never packed in its entry.
//
// Threads: guarded by the lock of the key's partition.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "storage/effects/effect_result.h"
#include "storage/effects/effects.h"
#include "storage/table/value_edit.h"
#include "storage/types/stream_block.h"
#include "storage/types/stream_group.h"

namespace ringkv::storage {

// The limits of a trim.
struct StreamTrimming {
  std::optional<uint64_t> most = {};  // maximum length; or else:
  StreamId least = {};                // minimum ID
  bool whole_blocks = false;          // removes whole blocks only
  uint64_t limit = 0;                 // maximum number of entries to remove; 0: unlimited
};

class Stream : public LargeValue {
 public:
  using Groups = std::map<std::string, StreamGroup, std::less<>>;

  // The number of entries.
  size_t size() const override { return size_; }
  size_t bytes() const override {
    return sizeof(Stream) + blocks_.size() * sizeof(StreamBlock) + block_bytes_ + group_bytes_;
  }
  void Pack(std::string* out) const override;

  // The ID of the last entry ever added, or as set by XSETID.
  const StreamId& last_id() const { return last_id_; }
  // The greatest ID deleted by XDEL; 0-0 if there is none.
  const StreamId& greatest_erased() const { return greatest_erased_; }
  // The number of entries ever added.
  uint64_t added() const { return added_; }
  const std::deque<StreamBlock>& blocks() const { return blocks_; }
  const Groups& groups() const { return groups_; }
  // Null if there is none.
  const StreamGroup* FindGroup(std::string_view name) const;
  // The IDs of the first and the last entry; 0-0 if there is none.
  const StreamId& first_entry() const { return first_entry_; }
  StreamId last_entry() const;
  bool Contains(const StreamId& id) const;

  // Calls `visit(entry)` for entries from `first` to `last` inclusive, forward or backward, until it returns false.
  template <typename Visitor>
  void Visit(const StreamId& first, const StreamId& last, bool downwards, Visitor&& visit) const;

  // Whether XDEL has deleted an entry after this ID. Trimming does not count.
  bool HasGapsBehind(const StreamId& id) const;
  // The number of entries ever added up to this one, if it is known.
  std::optional<uint64_t> CountUpTo(const StreamId& id) const;
  // The ID before which all entries will be removed; 0-0 for none.
  StreamId FindTrimEnd(const StreamTrimming& trimming) const;

  // --- changes; IDs of new entries are greater than last_id()
  // ---------------------------------------------------------

  void Append(const StreamId& id, const StreamFields& fields, const StreamBlockLimit& limit);
  // Appends a block.
  void AppendBlock(StreamBlock block);
  bool Erase(const StreamId& id);
  // Returns the number of removed entries.
  size_t EraseBefore(const StreamId& least);
  void SetIds(const StreamId& last, const StreamId& greatest_erased, uint64_t added);
  // Returns whether the group is new.
  bool PutGroup(std::string_view name, const StreamId& last_id, int64_t read);
  bool EraseGroup(std::string_view name);
  // Calls `change(group)`; the group must exist.
  template <typename Function>
  auto ChangeGroup(std::string_view name, Function&& change) {
    StreamGroup& group = groups_.find(name)->second;
    const GroupBytes counting{*this, group, group.bytes()};
    return change(group);
  }

 private:
  // Updates the sum of the groups' bytes.
  struct GroupBytes {
    Stream& stream;
    const StreamGroup& group;
    const size_t before;
    ~GroupBytes() { stream.group_bytes_ += group.bytes() - before; }
  };
  // The index of the block that may have the entry: the last one whose ID is not greater.
  size_t BlockOf(const StreamId& id) const;
  size_t CountToTrim(const StreamTrimming& trimming) const;
  template <typename Function>
  auto ChangeBlock(StreamBlock& block, Function&& change);
  void EraseBlock(size_t number);
  void NoteFirstEntry();

  std::deque<StreamBlock> blocks_;  // each has an entry that is not deleted
  size_t size_ = 0;
  size_t block_bytes_ = 0;
  size_t group_bytes_ = 0;
  StreamId first_entry_;
  StreamId last_id_;
  StreamId greatest_erased_;
  uint64_t added_ = 0;
  Groups groups_;
};

template <typename Visitor>
void Stream::Visit(const StreamId& first, const StreamId& last, bool downwards, Visitor&& visit) const {
  if (blocks_.empty() || first > last) return;
  const size_t blocks = blocks_.size();
  size_t block = BlockOf(downwards ? last : first);
  for (; block < blocks; downwards ? --block : ++block) {
    StreamEntry entry = downwards ? blocks_[block].BehindLast() : blocks_[block].BeforeFirst();
    while (downwards ? entry.Back() : entry.Next()) {
      if (downwards ? entry.id() > last : entry.id() < first) continue;
      if (downwards ? entry.id() < first : entry.id() > last) return;
      if (!visit(entry)) return;
    }
  }
}

// The stream in an entry of this type.
inline const Stream& StreamIn(const Entry& entry) { return static_cast<const Stream&>(entry.large()); }

// Whether the effect is valid for the stream; null: a missing key.
bool Fits(const Stream* stream, const StreamAppend& effect);
bool Fits(const Stream* stream, const StreamErase& effect);
bool Fits(const Stream* stream, const StreamTrim& effect);
bool Fits(const Stream* stream, const StreamSetIds& effect);
bool Fits(const Stream* stream, const StreamGroupPut& effect);
bool Fits(const Stream* stream, const StreamGroupMove& effect);
bool Fits(const Stream* stream, const StreamGroupErase& effect);
bool Fits(const Stream* stream, const StreamConsumerPut& effect);
bool Fits(const Stream* stream, const StreamConsumerErase& effect);
bool Fits(const Stream* stream, const StreamPend& effect);
bool Fits(const Stream* stream, const StreamAcknowledge& effect);

EffectResult Apply(ValueEdit& edit, const StreamAppend& effect);
EffectResult Apply(ValueEdit& edit, const StreamErase& effect);
EffectResult Apply(ValueEdit& edit, const StreamTrim& effect);
EffectResult Apply(ValueEdit& edit, const StreamSetIds& effect);
EffectResult Apply(ValueEdit& edit, const StreamGroupPut& effect);
EffectResult Apply(ValueEdit& edit, const StreamGroupMove& effect);
EffectResult Apply(ValueEdit& edit, const StreamGroupErase& effect);
EffectResult Apply(ValueEdit& edit, const StreamConsumerPut& effect);
EffectResult Apply(ValueEdit& edit, const StreamConsumerErase& effect);
EffectResult Apply(ValueEdit& edit, const StreamPend& effect);
EffectResult Apply(ValueEdit& edit, const StreamAcknowledge& effect);

}  // namespace ringkv::storage
