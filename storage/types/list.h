// SPDX-License-Identifier: MIT
// Lists. Small ones are packed; large ones are a sequence of chunks, of about eight kilobytes each by default
// (list-max-listpack-size).
//
// Threads: guarded by the lock of the key's partition.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "storage/effects/effect_result.h"
#include "storage/effects/effects.h"
#include "storage/table/value_edit.h"
#include "storage/types/list_chunk.h"

namespace ringkv::storage {

// The limit of a chunk; a single larger element is allowed.
struct ListChunkLimit {
  size_t elements = SIZE_MAX;
  size_t bytes = 8192;

  // The option as in Redis: a number of elements, or -1 to -5 for 4 to 64 KB.
  static ListChunkLimit Of(int64_t option);
  bool Allows(size_t more_elements, size_t more_bytes) const {
    return more_elements <= elements && more_bytes <= bytes;
  }
};

class LargeList : public LargeValue {
 public:
  // The number of chunks at each end that are not compressed; 0 disables compression.
  explicit LargeList(const ListChunkLimit& limit, size_t open_ends = 0) : limit_(limit), open_ends_(open_ends) {}
  size_t size() const override { return size_; }
  size_t bytes() const override { return sizeof(LargeList) + chunks_.size() * sizeof(ListChunk) + chunk_bytes_; }
  void Pack(std::string* out) const override;
  void CopyTo(FoldedBytes* out) const override;

  // 0 <= index <= size().
  void Insert(size_t index, std::string_view element);
  // The list must have these elements.
  void Erase(size_t index, size_t count);
  void Set(size_t index, std::string_view element);
  // Removes up to `most` elements equal to this, from the front or from the back.
  size_t Remove(std::string_view element, size_t most, bool from_back);
  // Gives an empty list packed elements.
  void Fill(std::string_view elements);

  // The index of the first equal element.
  std::optional<size_t> Find(std::string_view element) const;
  // `buffer` is used only if the element's chunk is compressed.
  std::string_view At(size_t index, std::string* buffer) const;
  // Calls `visit(element)` for elements from `index` on, forward or backward, until it returns false.
  template <typename Visitor>
  void VisitFrom(size_t index, bool downwards, Visitor&& visit) const {
    if (index >= size_) return;
    const Spot spot = SpotOf(index);
    size_t chunk = spot.chunk;
    std::string buffer;
    ListCursor cursor = ListCursorAt(chunks_[chunk].Read(&buffer), chunks_[chunk].count(), spot.index);
    for (;;) {
      if (!visit(cursor.element())) return;
      if (downwards) {
        if (cursor.AtFront()) {
          if (chunk == 0) return;
          cursor = ListCursor::AtBack(chunks_[--chunk].Read(&buffer));
        }
        cursor.Back();
      } else {
        cursor.Next();
        if (cursor.AtEnd()) {
          if (++chunk == chunks_.size()) return;
          cursor = ListCursor(chunks_[chunk].Read(&buffer));
        }
      }
    }
  }

 private:
  // The packed size of all elements.
  size_t ElementBytes() const;
  // An element's chunk, and its index in the chunk.
  struct Spot {
    size_t chunk = 0;
    size_t index = 0;
  };
  Spot SpotOf(size_t index) const;
  bool HasRoom(const ListChunk& chunk, std::string_view element) const {
    return limit_.Allows(size_t{chunk.count()} + 1, chunk.bytes() + ListElementSize(element));
  }
  void PushFront(std::string_view element);
  void PushBack(std::string_view element);
  void InsertInside(size_t index, std::string_view element);
  void EraseChunk(size_t chunk);
  bool MayBeCompressed(size_t chunk) const {
    return open_ends_ > 0 && chunk >= open_ends_ && chunk + open_ends_ < chunks_.size();
  }
  // Calls `change(chunk)` with the chunk decompressed.
  template <typename Function>
  void Changing(size_t number, Function&& change) {
    ListChunk& chunk = chunks_[number];
    chunk_bytes_ -= chunk.allocated();
    chunk.Open();
    change(chunk);
    if (MayBeCompressed(number)) chunk.Compress();
    chunk_bytes_ += chunk.allocated();
  }
  // Call after chunks were added or removed: decompresses the chunks at the ends and compresses those next to them.
  void SettleEnds();

  const ListChunkLimit limit_;
  const size_t open_ends_;
  std::deque<ListChunk> chunks_;  // none is empty
  size_t size_ = 0;
  size_t chunk_bytes_ = 0;
};

// Whether a packed list may stay packed.
bool MayListBePacked(std::string_view packed, const TypeLimits& limits);
// Makes a large list of one that may not.
std::unique_ptr<LargeList> EnlargeList(std::string_view packed, const TypeLimits& limits);

// A read-only view of a list; valid until it changes.
class ListView {
 public:
  // Null: an empty list.
  explicit ListView(const Entry* entry) : entry_(entry) {}

  size_t size() const;
  // The element at the index, which must exist. `buffer` is used only if its chunk is compressed.
  std::string_view At(size_t index, std::string* buffer) const;
  // The index of the first equal element.
  std::optional<size_t> Find(std::string_view element) const;

  // Calls `visit(element)` for elements from `index` on, forward or backward, until it returns false.
  template <typename Visitor>
  void VisitFrom(size_t index, bool downwards, Visitor&& visit) const {
    if (index >= size()) return;
    if (entry_->kind().is_large()) return large().VisitFrom(index, downwards, visit);
    ListCursor cursor = CursorAt(index);
    for (;;) {
      if (!visit(cursor.element())) return;
      if (downwards) {
        if (cursor.AtFront()) return;
        cursor.Back();
      } else {
        cursor.Next();
        if (cursor.AtEnd()) return;
      }
    }
  }
  template <typename Visitor>
  void ForEach(Visitor&& visit) const {
    VisitFrom(0, false, [&](std::string_view element) {
      visit(element);
      return true;
    });
  }

 private:
  const LargeList& large() const { return static_cast<const LargeList&>(entry_->large()); }
  ListCursor CursorAt(size_t index) const;

  const Entry* entry_;
};

EffectResult Apply(ValueEdit& edit, const ListPush& effect);
EffectResult Apply(ValueEdit& edit, const ListInsert& effect);
EffectResult Apply(ValueEdit& edit, const ListTake& effect);
EffectResult Apply(ValueEdit& edit, const ListSet& effect);
EffectResult Apply(ValueEdit& edit, const ListRemove& effect);

}  // namespace ringkv::storage
