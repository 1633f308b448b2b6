// SPDX-License-Identifier: MIT
#include "storage/types/stream_group.h"

#include <algorithm>

namespace ringkv::storage {
namespace {

// Overhead of a node of a std::map.
constexpr size_t kNodeBytes = 4 * sizeof(void*);

}  // namespace

const StreamConsumer* StreamGroup::FindConsumer(std::string_view name) const {
  const auto found = consumers_.find(name);
  return found == consumers_.end() ? nullptr : &found->second;
}

bool StreamGroup::PutConsumer(std::string_view name, UnixMs seen) {
  auto found = consumers_.find(name);
  const bool is_new = found == consumers_.end();
  if (is_new) {
    found = consumers_.emplace(name, StreamConsumer{}).first;
    name_bytes_ += name.size();
  }
  found->second.seen = std::max<UnixMs>(seen, 0);  // from outside any number may come
  return is_new;
}

void StreamGroup::NoteActive(std::string_view name, UnixMs now) {
  StreamConsumer& consumer = consumers_.find(name)->second;
  consumer.active = std::max(consumer.active, now);
}

bool StreamGroup::EraseConsumer(std::string_view name) {
  const auto found = consumers_.find(name);
  if (found == consumers_.end()) return false;
  for (const StreamId& id : found->second.pending) pending_.erase(id);
  name_bytes_ -= name.size();
  consumers_.erase(found);
  return true;
}

bool StreamGroup::Pend(std::string_view consumer, const StreamId& id, UnixMs delivered, uint64_t deliveries) {
  auto owner = consumers_.find(consumer);
  if (owner == consumers_.end()) {
    PutConsumer(consumer, delivered);
    owner = consumers_.find(consumer);
  }
  // Mostly it is an entry behind all others.
  const auto place = pending_.try_emplace(pending_.end(), id);
  StreamPending& pending = place->second;
  const bool was_nobodys = pending.consumer == nullptr;
  if (pending.consumer != &owner->first) {
    if (!was_nobodys) consumers_.find(*pending.consumer)->second.pending.erase(id);
    owner->second.pending.emplace_hint(owner->second.pending.end(), id);
  }
  pending = {&owner->first, std::max<UnixMs>(delivered, 0), deliveries};
  owner->second.active = std::max(owner->second.active, pending.delivered);
  return was_nobodys;
}

bool StreamGroup::Acknowledge(const StreamId& id) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return false;
  consumers_.find(*found->second.consumer)->second.pending.erase(id);
  pending_.erase(found);
  return true;
}

size_t StreamGroup::bytes() const {
  constexpr size_t kConsumerBytes = kNodeBytes + sizeof(Consumers::value_type);
  constexpr size_t kPendingBytes = kNodeBytes + sizeof(AllPending::value_type) + kNodeBytes + sizeof(StreamId);
  return kNodeBytes + sizeof(StreamGroup) + name_bytes_ + consumers_.size() * kConsumerBytes +
         pending_.size() * kPendingBytes;
}

}  // namespace ringkv::storage
