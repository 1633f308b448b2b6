// SPDX-License-Identifier: MIT
#include "storage/types/stream.h"

namespace ringkv::storage {

// --- reading --------------------------------------------------------------------------------------------------------

const StreamGroup* Stream::FindGroup(std::string_view name) const {
  const auto found = groups_.find(name);
  return found == groups_.end() ? nullptr : &found->second;
}

StreamId Stream::last_entry() const {
  if (blocks_.empty()) return {};
  StreamEntry entry = blocks_.back().BehindLast();
  entry.Back();
  return entry.id();
}

bool Stream::Contains(const StreamId& id) const {
  bool is_there = false;
  Visit(id, id, false, [&](const StreamEntry&) {
    is_there = true;
    return false;
  });
  return is_there;
}

size_t Stream::BlockOf(const StreamId& id) const {
  const auto behind =
      std::upper_bound(blocks_.begin(), blocks_.end(), id,
                       [](const StreamId& wanted, const StreamBlock& block) { return wanted < block.id(); });
  return behind == blocks_.begin() ? 0 : static_cast<size_t>(behind - blocks_.begin()) - 1;
}

bool Stream::HasGapsBehind(const StreamId& id) const {
  if (size_ == 0 || greatest_erased_ == kFirstStreamId || first_entry_ > greatest_erased_) return false;
  return greatest_erased_ >= id;
}

std::optional<uint64_t> Stream::CountUpTo(const StreamId& id) const {
  if (added_ == 0) return 0;
  if (size_ == 0 && id <= last_id_) return added_;
  if (id == last_id_) return added_;
  if (id > last_id_) return std::nullopt;
  if (greatest_erased_ == kFirstStreamId || greatest_erased_ < first_entry_) {
    if (id < first_entry_) return added_ - size_;
    if (id == first_entry_) return added_ - size_ + 1;
  }
  return std::nullopt;
}

size_t Stream::CountToTrim(const StreamTrimming& trimming) const {
  size_t count = 0;
  for (const StreamBlock& block : blocks_) {
    const size_t entries = block.size();
    if (trimming.most && size_ - count <= *trimming.most) break;
    if (trimming.limit > 0 && count + entries > trimming.limit) break;
    const bool goes_whole = trimming.most ? size_ - count - entries >= *trimming.most : block.LastId() < trimming.least;
    if (goes_whole) {
      count += entries;
      continue;
    }
    if (trimming.whole_blocks) break;
    if (trimming.most) return size_ - *trimming.most;
    for (StreamEntry entry = block.BeforeFirst(); entry.Next() && entry.id() < trimming.least;) ++count;
    break;
  }
  return count;
}

StreamId Stream::FindTrimEnd(const StreamTrimming& trimming) const {
  size_t count = CountToTrim(trimming);
  if (count == 0) return {};
  if (count == size_) return last_entry().Next();
  for (const StreamBlock& block : blocks_) {
    if (count >= block.size()) {
      count -= block.size();
      continue;
    }
    StreamEntry entry = block.BeforeFirst();
    for (size_t i = 0; i <= count; ++i) entry.Next();
    return entry.id();
  }
  return {};
}

// --- changing -------------------------------------------------------------------------------------------------------

template <typename Function>
auto Stream::ChangeBlock(StreamBlock& block, Function&& change) {
  struct Counting {
    Stream& stream;
    const StreamBlock& block;
    const size_t before;
    ~Counting() { stream.block_bytes_ += block.allocated() - before; }
  };
  const Counting counting{*this, block, block.allocated()};
  return change();
}

void Stream::EraseBlock(size_t number) {
  block_bytes_ -= blocks_[number].allocated();
  blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(number));
}

void Stream::NoteFirstEntry() {
  first_entry_ = {};
  if (blocks_.empty()) return;
  StreamEntry entry = blocks_.front().BeforeFirst();
  entry.Next();
  first_entry_ = entry.id();
}

void Stream::AppendBlock(StreamBlock block) {
  size_ += block.size();
  block_bytes_ += block.allocated();
  blocks_.push_back(std::move(block));
  if (blocks_.size() == 1) NoteFirstEntry();
}

void Stream::Append(const StreamId& id, const StreamFields& fields, const StreamBlockLimit& limit) {
  last_id_ = id;
  ++added_;
  if (blocks_.empty() || !blocks_.back().HasRoom(limit, fields.text_bytes())) {
    if (!blocks_.empty()) ChangeBlock(blocks_.back(), [&] { blocks_.back().Finish(); });
    AppendBlock(StreamBlock(id, fields));
  } else {
    ChangeBlock(blocks_.back(), [&] { blocks_.back().Append(id, fields); });
    ++size_;
  }
}

bool Stream::Erase(const StreamId& id) {
  if (blocks_.empty()) return false;
  const size_t number = BlockOf(id);
  StreamBlock& block = blocks_[number];
  if (!ChangeBlock(block, [&] { return block.Erase(id); })) return false;
  --size_;
  if (block.size() == 0) EraseBlock(number);
  if (id > greatest_erased_) greatest_erased_ = id;
  if (id == first_entry_) NoteFirstEntry();
  return true;
}

size_t Stream::EraseBefore(const StreamId& least) {
  const size_t before = size_;
  while (!blocks_.empty() && blocks_.front().LastId() < least) {
    size_ -= blocks_.front().size();
    EraseBlock(0);
  }
  if (!blocks_.empty()) {
    StreamBlock& block = blocks_.front();
    size_t count = 0;
    for (StreamEntry entry = block.BeforeFirst(); entry.Next() && entry.id() < least;) ++count;
    size_ -= count;
    if (count == block.size()) {
      EraseBlock(0);
    } else if (count > 0) {
      ChangeBlock(block, [&] { block.EraseFirst(count); });
    }
  }
  NoteFirstEntry();
  return before - size_;
}

void Stream::SetIds(const StreamId& last, const StreamId& greatest_erased, uint64_t added) {
  last_id_ = last;
  greatest_erased_ = greatest_erased;
  added_ = added;
}

bool Stream::PutGroup(std::string_view name, const StreamId& last_id, int64_t read) {
  auto found = groups_.find(name);
  const bool is_new = found == groups_.end();
  if (is_new) {
    found = groups_.emplace(name, StreamGroup{}).first;
    group_bytes_ += found->second.bytes();
  }
  found->second.last_id = last_id;
  found->second.read = read;
  return is_new;
}

bool Stream::EraseGroup(std::string_view name) {
  const auto found = groups_.find(name);
  if (found == groups_.end()) return false;
  group_bytes_ -= found->second.bytes();
  groups_.erase(found);
  return true;
}

// --- effects --------------------------------------------------------------------------------------------------------

namespace {

// One that has just been made stands there packed, and empty.
Stream& StreamIn(ValueEdit& edit) {
  return edit.is_large() ? edit.large<Stream>() : edit.Become(std::make_unique<Stream>());
}

StreamBlockLimit BlockLimitIn(const TypeLimits& limits) {
  return {LimitOf(limits.stream_block_bytes), LimitOf(limits.stream_block_entries)};
}

bool HasGroup(const Stream* stream, std::string_view group) {
  return stream != nullptr && stream->FindGroup(group) != nullptr;
}

EffectResult ChangedIf(bool is_changed) { return is_changed ? EffectResult::kChanged : EffectResult::kUnchanged; }
EffectResult AddedIf(bool is_added) { return is_added ? EffectResult::kAdded : EffectResult::kChanged; }

}  // namespace

bool Fits(const Stream* stream, const StreamAppend& effect) {
  return stream == nullptr || effect.id > stream->last_id();
}
bool Fits(const Stream* stream, const StreamErase&) { return stream != nullptr; }
bool Fits(const Stream* stream, const StreamTrim&) { return stream != nullptr; }
bool Fits(const Stream* stream, const StreamSetIds& effect) {
  return stream != nullptr && effect.last_id >= stream->last_entry() && effect.added >= stream->size();
}
bool Fits(const Stream*, const StreamGroupPut& effect) { return effect.read >= StreamGroup::kUnknown; }
bool Fits(const Stream* stream, const StreamGroupMove& effect) {
  return HasGroup(stream, effect.group) && effect.read >= StreamGroup::kUnknown;
}
bool Fits(const Stream* stream, const StreamGroupErase& effect) { return HasGroup(stream, effect.group); }
bool Fits(const Stream* stream, const StreamConsumerPut& effect) { return HasGroup(stream, effect.group); }
bool Fits(const Stream* stream, const StreamConsumerErase& effect) { return HasGroup(stream, effect.group); }
bool Fits(const Stream* stream, const StreamPend& effect) { return HasGroup(stream, effect.group); }
bool Fits(const Stream* stream, const StreamAcknowledge& effect) { return HasGroup(stream, effect.group); }

EffectResult Apply(ValueEdit& edit, const StreamAppend& effect) {
  StreamIn(edit).Append(effect.id, StreamFields(effect.fields), BlockLimitIn(edit.limits()));
  return EffectResult::kAdded;
}

EffectResult Apply(ValueEdit& edit, const StreamErase& effect) { return ChangedIf(StreamIn(edit).Erase(effect.id)); }

EffectResult Apply(ValueEdit& edit, const StreamTrim& effect) {
  return ChangedIf(StreamIn(edit).EraseBefore(effect.least) > 0);
}

EffectResult Apply(ValueEdit& edit, const StreamSetIds& effect) {
  StreamIn(edit).SetIds(effect.last_id, effect.greatest_erased, effect.added);
  return EffectResult::kChanged;
}

EffectResult Apply(ValueEdit& edit, const StreamGroupPut& effect) {
  return AddedIf(StreamIn(edit).PutGroup(effect.group, effect.last_id, effect.read));
}

EffectResult Apply(ValueEdit& edit, const StreamGroupMove& effect) {
  StreamIn(edit).PutGroup(effect.group, effect.last_id, effect.read);
  return EffectResult::kChanged;
}

EffectResult Apply(ValueEdit& edit, const StreamGroupErase& effect) {
  return ChangedIf(StreamIn(edit).EraseGroup(effect.group));
}

EffectResult Apply(ValueEdit& edit, const StreamConsumerPut& effect) {
  return AddedIf(StreamIn(edit).ChangeGroup(
      effect.group, [&](StreamGroup& group) { return group.PutConsumer(effect.consumer, effect.seen); }));
}

EffectResult Apply(ValueEdit& edit, const StreamConsumerErase& effect) {
  return ChangedIf(StreamIn(edit).ChangeGroup(
      effect.group, [&](StreamGroup& group) { return group.EraseConsumer(effect.consumer); }));
}

EffectResult Apply(ValueEdit& edit, const StreamPend& effect) {
  return AddedIf(StreamIn(edit).ChangeGroup(effect.group, [&](StreamGroup& group) {
    return group.Pend(effect.consumer, effect.id, effect.delivered, effect.deliveries);
  }));
}

EffectResult Apply(ValueEdit& edit, const StreamAcknowledge& effect) {
  return ChangedIf(
      StreamIn(edit).ChangeGroup(effect.group, [&](StreamGroup& group) { return group.Acknowledge(effect.id); }));
}

}  // namespace ringkv::storage
