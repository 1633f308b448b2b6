// SPDX-License-Identifier: MIT
#include "storage/types/list.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

namespace ringkv::storage {
namespace {

// A list in its entry: beyond that, to add at the front would move too much.
constexpr size_t kPackedBytes = 1024;

std::string_view ElementsOf(std::string_view packed) { return packed.substr(kPackedHead); }

ListCursor PackedAt(std::string_view packed, size_t index) {
  return ListCursorAt(ElementsOf(packed), PackedCount(packed), index);
}

ListChunkLimit LimitIn(const TypeLimits& limits) {
  ListChunkLimit limit = ListChunkLimit::Of(limits.list_size.load(std::memory_order_relaxed));
  limit.bytes = std::min(limit.bytes, LimitOf(limits.list_packed_bytes));
  return limit;
}

bool FitsPacked(const ValueEdit& edit, size_t more_elements, size_t more_bytes) {
  const size_t bytes = ElementsOf(edit.bytes()).size() + more_bytes;
  return bytes <= kPackedBytes && LimitIn(edit.limits()).Allows(edit.count() + more_elements, bytes);
}

void EnlargeToList(ValueEdit& edit) { edit.Become(EnlargeList(edit.bytes(), edit.limits())); }

EffectResult InsertAt(ValueEdit& edit, size_t index, std::string_view element) {
  const size_t size = ListElementSize(element);
  if (!edit.is_large() && !FitsPacked(edit, 1, size)) EnlargeToList(edit);
  if (edit.is_large()) {
    edit.large<LargeList>().Insert(index, element);
    return EffectResult::kAdded;
  }
  const size_t offset = PackedAt(edit.bytes(), index).offset();
  WriteListElement(edit.Splice(kPackedHead + offset, 0, size), element);
  edit.SetCount(edit.count() + 1);
  return EffectResult::kAdded;
}

}  // namespace

ListChunkLimit ListChunkLimit::Of(int64_t option) {
  // A number of elements doesn't allow any size: what is in one chunk is moved when one of them changes.
  if (option >= 0) return {.elements = static_cast<size_t>(std::max<int64_t>(option, 1))};
  constexpr size_t kSmallest = 4096;
  return {.bytes = kSmallest << (std::min<int64_t>(-option, 5) - 1)};
}

// --- large ----------------------------------------------------------------------------------------------------------

void LargeList::Pack(std::string* out) const {
  out->reserve(out->size() + kPackedHead + ElementBytes());
  AppendPackedHead(out, size_);
  std::string buffer;
  for (const ListChunk& chunk : chunks_) out->append(chunk.Read(&buffer));
}

void LargeList::CopyTo(FoldedBytes* out) const {
  out->plain()->reserve(out->plain()->size() + bytes());
  PutVarint(out->plain(), kPackedHead + ElementBytes());
  AppendPackedHead(out->plain(), size_);
  for (const ListChunk& chunk : chunks_) chunk.CopyTo(out);
}

size_t LargeList::ElementBytes() const {
  return std::accumulate(chunks_.begin(), chunks_.end(), size_t{0},
                         [](size_t sum, const ListChunk& chunk) { return sum + chunk.bytes(); });
}

LargeList::Spot LargeList::SpotOf(size_t index) const {
  if (index < size_ / 2) {
    size_t chunk = 0;
    while (index >= chunks_[chunk].count()) index -= chunks_[chunk++].count();
    return {chunk, index};
  }
  size_t behind = size_ - index;  // elements from it to the end
  size_t chunk = chunks_.size() - 1;
  while (behind > chunks_[chunk].count()) behind -= chunks_[chunk--].count();
  return {chunk, chunks_[chunk].count() - behind};
}

std::string_view LargeList::At(size_t index, std::string* buffer) const {
  const Spot spot = SpotOf(index);
  const ListChunk& chunk = chunks_[spot.chunk];
  return ListCursorAt(chunk.Read(buffer), chunk.count(), spot.index).element();
}

void LargeList::Fill(std::string_view elements) {
  struct Part {
    size_t bytes = 0;
    uint32_t count = 0;
  };
  std::vector<Part> parts;
  for (ListCursor cursor(elements); !cursor.AtEnd(); cursor.Next()) {
    const size_t size = cursor.element_size();
    if (parts.empty() || !limit_.Allows(size_t{parts.back().count} + 1, parts.back().bytes + size)) {
      parts.emplace_back();
    }
    parts.back().bytes += size;
    ++parts.back().count;
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string_view part = elements.substr(0, parts[i].bytes);
    const bool is_inner = open_ends_ > 0 && i >= open_ends_ && i + open_ends_ < parts.size();
    chunks_.push_back(is_inner ? ListChunk::Compressed(part, parts[i].count) : ListChunk(part, parts[i].count));
    chunk_bytes_ += chunks_.back().allocated();
    size_ += parts[i].count;
    elements.remove_prefix(part.size());
  }
}

void LargeList::SettleEnds() {
  const size_t size = chunks_.size();
  if (open_ends_ == 0 || size == 0) return;
  const auto settle = [&](size_t chunk) { Changing(chunk, [](ListChunk&) {}); };
  for (size_t i = 0; i < std::min(open_ends_, size); ++i) {
    if (chunks_[i].is_compressed()) settle(i);
    if (chunks_[size - 1 - i].is_compressed()) settle(size - 1 - i);
  }
  if (size <= 2 * open_ends_) return;
  if (!chunks_[open_ends_].is_compressed()) settle(open_ends_);
  if (!chunks_[size - 1 - open_ends_].is_compressed()) settle(size - 1 - open_ends_);
}

void LargeList::PushFront(std::string_view element) {
  if (chunks_.empty() || !HasRoom(chunks_.front(), element)) {
    chunks_.emplace_front();
    SettleEnds();
  }
  Changing(0, [&](ListChunk& chunk) { chunk.PushFront(element); });
}

void LargeList::PushBack(std::string_view element) {
  if (chunks_.empty() || !HasRoom(chunks_.back(), element)) {
    chunks_.emplace_back();
    SettleEnds();
  }
  Changing(chunks_.size() - 1, [&](ListChunk& chunk) { chunk.PushBack(element); });
}

void LargeList::InsertInside(size_t index, std::string_view element) {
  const Spot spot = SpotOf(index);
  if (HasRoom(chunks_[spot.chunk], element)) {
    return Changing(spot.chunk, [&](ListChunk& chunk) { chunk.InsertAt(chunk.At(spot.index).offset(), element); });
  }
  ListChunk behind;
  Changing(spot.chunk, [&](ListChunk& chunk) {
    behind = chunk.SplitAt(chunk.At(spot.index).offset(), static_cast<uint32_t>(spot.index));
    chunk.PushBack(element);
  });
  chunk_bytes_ += behind.allocated();
  chunks_.insert(chunks_.begin() + static_cast<std::ptrdiff_t>(spot.chunk) + 1, std::move(behind));
  if (MayBeCompressed(spot.chunk + 1)) Changing(spot.chunk + 1, [](ListChunk&) {});
  SettleEnds();
}

void LargeList::Insert(size_t index, std::string_view element) {
  if (index == size_) {
    PushBack(element);
  } else if (index == 0) {
    PushFront(element);
  } else {
    InsertInside(index, element);
  }
  ++size_;
}

void LargeList::EraseChunk(size_t chunk) {
  chunk_bytes_ -= chunks_[chunk].allocated();
  chunks_.erase(chunks_.begin() + static_cast<std::ptrdiff_t>(chunk));
}

void LargeList::Erase(size_t index, size_t count) {
  while (count > 0) {
    const Spot spot = SpotOf(index);
    const size_t here = std::min(count, chunks_[spot.chunk].count() - spot.index);
    size_ -= here;
    count -= here;
    if (here == chunks_[spot.chunk].count()) {
      EraseChunk(spot.chunk);
      SettleEnds();
      continue;
    }
    Changing(spot.chunk, [&](ListChunk& chunk) {
      const size_t first = chunk.At(spot.index).offset();
      const size_t end = chunk.At(spot.index + here).offset();
      chunk.EraseAt(first, end - first, static_cast<uint32_t>(here));
      if (here > 1) chunk.Shrink();
    });
  }
}

void LargeList::Set(size_t index, std::string_view element) {
  const Spot spot = SpotOf(index);
  Changing(spot.chunk, [&](ListChunk& chunk) {
    const ListCursor cursor = chunk.At(spot.index);
    chunk.ReplaceAt(cursor.offset(), cursor.element_size(), element);
  });
}

namespace {

// How many went.
size_t RemoveFrom(ListChunk& chunk, std::string_view element, size_t most, bool from_back) {
  ListCursor cursor = from_back ? ListCursor::AtBack(chunk.elements()) : ListCursor(chunk.elements());
  size_t removed = 0;
  for (size_t left = chunk.count(); left > 0 && removed < most; --left) {
    if (from_back) cursor.Back();
    if (cursor.element() == element) {
      const size_t offset = cursor.offset();
      chunk.EraseAt(offset, cursor.element_size(), 1);
      ++removed;
      cursor = ListCursor(chunk.elements(), offset);
    } else if (!from_back) {
      cursor.Next();
    }
  }
  if (removed > 0 && chunk.count() > 0) chunk.Shrink();
  return removed;
}

}  // namespace

size_t LargeList::Remove(std::string_view element, size_t most, bool from_back) {
  size_t removed = 0;
  std::string buffer;
  for (size_t i = 0; i < chunks_.size() && removed < most;) {
    const size_t at = from_back ? chunks_.size() - 1 - i : i;
    if (FindListElement(chunks_[at].Read(&buffer), element)) {
      Changing(at, [&](ListChunk& chunk) { removed += RemoveFrom(chunk, element, most - removed, from_back); });
    }
    if (chunks_[at].count() == 0) {
      EraseChunk(at);
    } else {
      ++i;
    }
  }
  size_ -= removed;
  SettleEnds();
  return removed;
}

std::optional<size_t> LargeList::Find(std::string_view element) const {
  std::string buffer;
  size_t before = 0;
  for (const ListChunk& chunk : chunks_) {
    if (const auto found = FindListElement(chunk.Read(&buffer), element)) return before + *found;
    before += chunk.count();
  }
  return std::nullopt;
}

// --- reading --------------------------------------------------------------------------------------------------------

size_t ListView::size() const {
  if (entry_ == nullptr) return 0;
  return entry_->kind().is_large() ? large().size() : PackedCount(entry_->value());
}

ListCursor ListView::CursorAt(size_t index) const { return PackedAt(entry_->value(), index); }

std::string_view ListView::At(size_t index, std::string* buffer) const {
  if (entry_->kind().is_large()) return large().At(index, buffer);
  return CursorAt(index).element();
}

std::optional<size_t> ListView::Find(std::string_view element) const {
  if (entry_ != nullptr && entry_->kind().is_large()) return large().Find(element);
  return entry_ == nullptr ? std::nullopt : FindListElement(ElementsOf(entry_->value()), element);
}

bool MayListBePacked(std::string_view packed, const TypeLimits& limits) {
  const size_t bytes = ElementsOf(packed).size();
  return bytes <= kPackedBytes && LimitIn(limits).Allows(PackedCount(packed), bytes);
}

std::unique_ptr<LargeList> EnlargeList(std::string_view packed, const TypeLimits& limits) {
  auto large = std::make_unique<LargeList>(LimitIn(limits), LimitOf(limits.list_open_ends));
  large->Fill(ElementsOf(packed));
  return large;
}

// --- changing -------------------------------------------------------------------------------------------------------

EffectResult Apply(ValueEdit& edit, const ListPush& effect) {
  return InsertAt(edit, effect.at_front ? 0 : ListView(edit.entry()).size(), effect.element);
}

EffectResult Apply(ValueEdit& edit, const ListInsert& effect) {
  const std::optional<size_t> pivot = ListView(edit.entry()).Find(effect.pivot);
  return pivot ? InsertAt(edit, effect.behind ? *pivot + 1 : *pivot, effect.element) : EffectResult::kUnchanged;
}

EffectResult Apply(ValueEdit& edit, const ListTake& effect) {
  const size_t first = effect.from_front ? 0 : ListView(edit.entry()).size() - effect.count;
  if (edit.is_large()) {
    edit.large<LargeList>().Erase(first, effect.count);
    return EffectResult::kChanged;
  }
  const size_t offset = PackedAt(edit.bytes(), first).offset();
  const size_t end = PackedAt(edit.bytes(), first + effect.count).offset();
  edit.Splice(kPackedHead + offset, end - offset, 0);
  edit.SetCount(edit.count() - effect.count);
  return EffectResult::kChanged;
}

EffectResult Apply(ValueEdit& edit, const ListSet& effect) {
  const size_t size = ListElementSize(effect.element);
  if (!edit.is_large() && !FitsPacked(edit, 0, size)) EnlargeToList(edit);
  if (edit.is_large()) {
    edit.large<LargeList>().Set(effect.index, effect.element);
    return EffectResult::kChanged;
  }
  const ListCursor cursor = PackedAt(edit.bytes(), effect.index);
  WriteListElement(edit.Splice(kPackedHead + cursor.offset(), cursor.element_size(), size), effect.element);
  return EffectResult::kChanged;
}

EffectResult Apply(ValueEdit& edit, const ListRemove& effect) {
  const size_t most = effect.most == 0 ? SIZE_MAX : effect.most;
  if (!edit.is_large()) {
    if (edit.count() == 0) return EffectResult::kUnchanged;
    // A chunk knows how; a packed list is about as long as one at most.
    LargeList list(ListChunkLimit{});
    list.Fill(ElementsOf(edit.bytes()));
    if (list.Remove(effect.element, most, effect.from_back) == 0) return EffectResult::kUnchanged;
    std::string packed;
    list.Pack(&packed);
    std::memcpy(edit.Splice(0, edit.bytes().size(), packed.size()), packed.data(), packed.size());
    return EffectResult::kChanged;
  }
  const size_t removed = edit.large<LargeList>().Remove(effect.element, most, effect.from_back);
  return removed > 0 ? EffectResult::kChanged : EffectResult::kUnchanged;
}

}  // namespace ringkv::storage
