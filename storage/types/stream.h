// SPDX-License-Identifier: MIT
// Streams: entries in the order of their IDs, each with fields, and groups of consumers that share the reading. The
// entries stand in blocks of up to stream-node-max-entries and stream-node-max-bytes.
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

#include "storage/effects/effects.h"
#include "storage/effects/outcome.h"
#include "storage/table/value_edit.h"
#include "storage/types/stream_block.h"
#include "storage/types/stream_group.h"

namespace ringkv::storage {

// How many entries are to go from the front.
struct StreamTrimming {
  std::optional<uint64_t> most = {};  // entries that stay; or else:
  StreamId least = {};                // the first ID that stays
  bool whole_blocks = false;          // rather leave some than split a block
  uint64_t limit = 0;                 // entries to look at; 0: any number
};

class Stream : public LargeValue {
 public:
  using Groups = std::map<std::string, StreamGroup, std::less<>>;

  // Entries.
  size_t size() const override { return size_; }
  size_t bytes() const override {
    return sizeof(Stream) + blocks_.size() * sizeof(StreamBlock) + block_bytes_ + group_bytes_;
  }
  void Pack(std::string* out) const override;

  // Of the last entry there ever was, or what XSETID has made of it.
  const StreamId& last_id() const { return last_id_; }
  // The greatest one that XDEL has erased; 0-0 if there is none.
  const StreamId& greatest_erased() const { return greatest_erased_; }
  // How many entries there ever were.
  uint64_t added() const { return added_; }
  const std::deque<StreamBlock>& blocks() const { return blocks_; }
  const Groups& groups() const { return groups_; }
  // Null if there is none.
  const StreamGroup* FindGroup(std::string_view name) const;
  // The first entry and the last one; 0-0 if there is none.
  const StreamId& first_entry() const { return first_entry_; }
  StreamId last_entry() const;
  bool Contains(const StreamId& id) const;

  // `visit(entry)` for entries from `first` to `last`, both counted in, upwards or downwards, until it returns false.
  template <typename Visitor>
  void Visit(const StreamId& first, const StreamId& last, bool downwards, Visitor&& visit) const;

  // Whether XDEL has erased something behind this ID. Trimming doesn't count.
  bool HasGapsBehind(const StreamId& id) const;
  // How many entries there ever were up to this one; nothing if nobody can know.
  std::optional<uint64_t> CountUpTo(const StreamId& id) const;
  // The ID before which all entries are to go; 0-0 if none are.
  StreamId FindTrimEnd(const StreamTrimming& trimming) const;

  // --- changing: each gives what it takes; IDs of new entries are greater than last_id() -----------------------------

  void Append(const StreamId& id, const StreamFields& fields, const StreamBlockLimit& limit);
  // A block that comes behind all others.
  void AppendBlock(StreamBlock block);
  bool Erase(const StreamId& id);
  // How many entries went.
  size_t EraseBefore(const StreamId& least);
  void SetIds(const StreamId& last, const StreamId& greatest_erased, uint64_t added);
  // True if the group is new.
  bool PutGroup(std::string_view name, const StreamId& last_id, int64_t read);
  bool EraseGroup(std::string_view name);
  // `change(group)`; there must be such a group.
  template <typename Function>
  auto ChangeGroup(std::string_view name, Function&& change) {
    StreamGroup& group = groups_.find(name)->second;
    const GroupBytes counting{*this, group, group.bytes()};
    return change(group);
  }

 private:
  // Keeps the sum of the groups' bytes.
  struct GroupBytes {
    Stream& stream;
    const StreamGroup& group;
    const size_t before;
    ~GroupBytes() { stream.group_bytes_ += group.bytes() - before; }
  };
  // The number of the block that has the entry if any has: the last one whose ID is not greater.
  size_t BlockOf(const StreamId& id) const;
  size_t CountToTrim(const StreamTrimming& trimming) const;
  template <typename Function>
  auto ChangeBlock(StreamBlock& block, Function&& change);
  void EraseBlock(size_t number);
  void NoteFirstEntry();

  std::deque<StreamBlock> blocks_;  // each has an entry that isn't erased
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

// The stream that an entry of that type holds.
inline const Stream& StreamIn(const Entry& entry) { return static_cast<const Stream&>(entry.large()); }

// Whether it makes sense for the stream; null: there is none.
bool Fits(const Stream* stream, const StreamAppend& effect);
bool Fits(const Stream* stream, const StreamErase& effect);
bool Fits(const Stream* stream, const StreamTrim& effect);
bool Fits(const Stream* stream, const StreamSetIds& effect);
bool Fits(const Stream* stream, const StreamGroupPut& effect);
bool Fits(const Stream* stream, const StreamGroupErase& effect);
bool Fits(const Stream* stream, const StreamConsumerPut& effect);
bool Fits(const Stream* stream, const StreamConsumerErase& effect);
bool Fits(const Stream* stream, const StreamPend& effect);
bool Fits(const Stream* stream, const StreamAcknowledge& effect);

Outcome Apply(ValueEdit& edit, const StreamAppend& effect);
Outcome Apply(ValueEdit& edit, const StreamErase& effect);
Outcome Apply(ValueEdit& edit, const StreamTrim& effect);
Outcome Apply(ValueEdit& edit, const StreamSetIds& effect);
Outcome Apply(ValueEdit& edit, const StreamGroupPut& effect);
Outcome Apply(ValueEdit& edit, const StreamGroupErase& effect);
Outcome Apply(ValueEdit& edit, const StreamConsumerPut& effect);
Outcome Apply(ValueEdit& edit, const StreamConsumerErase& effect);
Outcome Apply(ValueEdit& edit, const StreamPend& effect);
Outcome Apply(ValueEdit& edit, const StreamAcknowledge& effect);

}  // namespace ringkv::storage
