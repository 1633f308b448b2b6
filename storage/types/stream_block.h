// SPDX-License-Identifier: MIT
// Entries of a stream that stand together, as a listpack in Redis' layout, so that an RDB file has it as it is:
//
//   how many entries, how many erased ones beside them, how many master fields, their names, 0
//   an entry: flags, ID (the difference to the block's), [how many fields], fields and values, how many elements
//
// An entry with the master fields, which are those of the first entry, has only values.
//
// Threads: guarded by the lock of the key's partition.
#pragma once

#include <string>
#include <string_view>

#include "storage/types/listpack.h"
#include "storage/types/stream_entry.h"
#include "storage/types/stream_fields.h"

namespace ringkv::storage {

// How much a block holds at most.
struct StreamBlockLimit {
  size_t bytes = 4096;   // 0: as many as a listpack may have
  size_t entries = 100;  // 0: any number
};

class StreamBlock {
 public:
  // Nothing; what stands in a stream has an entry at least.
  StreamBlock() = default;
  // With its first entry, which gives it its ID.
  StreamBlock(const StreamId& id, const StreamFields& fields);
  // Takes over a listpack that is sound.
  StreamBlock(const StreamId& id, std::string_view listpack);
  // Whether bytes from outside are such a block: whole, IDs ascending.
  static bool IsSound(const StreamId& id, std::string_view listpack);

  const StreamId& id() const { return id_; }
  std::string_view listpack() const { return listpack_; }
  size_t allocated() const { return listpack_.capacity(); }
  // Entries that aren't erased.
  size_t size() const { return static_cast<size_t>(ListpackCursor(listpack_).TakeInteger()); }
  size_t erased() const;
  StreamEntry BeforeFirst() const { return StreamEntry::BeforeFirst(id_, listpack_); }
  StreamEntry BehindLast() const { return StreamEntry::BehindLast(id_, listpack_); }
  // Of its last entry, whether erased or not.
  StreamId LastId() const;

  // Whether an entry with so many bytes of names and values may come.
  bool HasRoom(const StreamBlockLimit& limit, size_t text_bytes) const;
  void Append(const StreamId& id, const StreamFields& fields);
  // Gives back the memory for entries that won't come.
  void Finish() { listpack_.shrink_to_fit(); }
  // False if there is no such entry.
  bool Erase(const StreamId& id);
  // Erases the first `count` entries.
  void EraseFirst(size_t count);

 private:
  void Erase(const StreamEntry& entry);
  // There are `entries` more, and `erased` more that are erased.
  void Count(int64_t entries, int64_t erased);

  StreamId id_;
  std::string listpack_;
};

}  // namespace ringkv::storage
