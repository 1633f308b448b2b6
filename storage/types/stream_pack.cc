// SPDX-License-Identifier: MIT
#include "storage/types/stream_pack.h"

#include <vector>

#include "storage/entry/packed.h"

namespace ringkv::storage {
namespace {

void PutId(std::string* out, const StreamId& id) {
  PutVarint(out, id.ms);
  PutVarint(out, id.seq);
}

StreamId ReadId(ByteReader& from) {
  StreamId id;
  id.ms = from.Varint();
  id.seq = from.Varint();
  return id;
}

// A number from -1 on.
void PutRead(std::string* out, int64_t read) { PutVarint(out, static_cast<uint64_t>(read) + 1); }
int64_t ReadRead(ByteReader& from) { return static_cast<int64_t>(from.Varint() - 1); }

void PackGroup(std::string_view name, const StreamGroup& group, std::string* out) {
  PutText(out, name);
  PutId(out, group.last_id);
  PutRead(out, group.read);
  PutVarint(out, group.consumers().size());
  for (const auto& [consumer, state] : group.consumers()) {
    PutText(out, consumer);
    PutFixed(out, state.seen);
    PutVarint(out, state.pending.size());
    for (const StreamId& id : state.pending) {
      const StreamPending& pending = group.pending().find(id)->second;
      PutId(out, id);
      PutFixed(out, pending.delivered);
      PutVarint(out, pending.deliveries);
    }
  }
}

// A visitor that ignores everything: for validation.
struct Checking {
  void Ids(const StreamId&, const StreamId&, uint64_t) {}
  void Block(const StreamId&, std::string_view) {}
  void Group(std::string_view, const StreamId&, int64_t) {}
  void Consumer(std::string_view, UnixMs) {}
  void Pending(const StreamId&, UnixMs, uint64_t) {}
};

struct Building {
  Stream* stream;
  std::string_view group = {};
  std::string_view consumer = {};

  void Ids(const StreamId& last, const StreamId& greatest_erased, uint64_t added) {
    stream->SetIds(last, greatest_erased, added);
  }
  void Block(const StreamId& id, std::string_view listpack) { stream->AppendBlock(StreamBlock(id, listpack)); }
  void Group(std::string_view name, const StreamId& last_id, int64_t read) {
    group = name;
    stream->PutGroup(name, last_id, read);
  }
  void Consumer(std::string_view name, UnixMs seen) {
    consumer = name;
    stream->ChangeGroup(group, [&](StreamGroup& in) { in.PutConsumer(name, seen); });
  }
  void Pending(const StreamId& id, UnixMs delivered, uint64_t deliveries) {
    stream->ChangeGroup(group, [&](StreamGroup& in) { in.Pend(consumer, id, delivered, deliveries); });
  }
};

// Tells `to` what stands there; false if it makes no sense. Blocks are only looked into if they are suspicious.
template <typename Listener>
bool ReadPacked(std::string_view packed, bool is_suspicious, Listener to) {
  if (packed.size() < kPackedHead) return false;
  ByteReader from(packed.substr(kPackedHead));
  const StreamId last_id = ReadId(from);
  const StreamId greatest_erased = ReadId(from);
  const uint64_t added = from.Varint();
  to.Ids(last_id, greatest_erased, added);
  uint64_t size = 0;
  std::optional<StreamId> last_entry;
  for (uint64_t blocks = from.Varint(); blocks > 0 && from.ok(); --blocks) {
    const StreamId id = ReadId(from);
    const std::string_view listpack = from.Text();
    if (is_suspicious) {
      if (!from.ok() || !StreamBlock::IsSound(id, listpack) || (last_entry && id <= *last_entry)) return false;
      const StreamBlock block(id, listpack);
      last_entry = block.LastId();
      if (block.size() == 0) return false;
      size += block.size();
    }
    to.Block(id, listpack);
  }
  for (uint64_t groups = from.Varint(); groups > 0 && from.ok(); --groups) {
    const std::string_view name = from.Text();
    const StreamId group_last_id = ReadId(from);
    const int64_t read = ReadRead(from);
    if (read < StreamGroup::kUnknown) return false;
    to.Group(name, group_last_id, read);
    for (uint64_t consumers = from.Varint(); consumers > 0 && from.ok(); --consumers) {
      const std::string_view consumer = from.Text();
      to.Consumer(consumer, from.Fixed<UnixMs>());
      for (uint64_t pending = from.Varint(); pending > 0 && from.ok(); --pending) {
        const StreamId id = ReadId(from);
        const auto delivered = from.Fixed<UnixMs>();
        to.Pending(id, delivered, from.Varint());
      }
    }
  }
  if (!from.ok() || !from.AtEnd()) return false;
  return !is_suspicious || (size == PackedCount(packed) && size <= added && (!last_entry || *last_entry <= last_id));
}

}  // namespace

void PackStream(const Stream& stream, std::string* out) {
  AppendPackedHead(out, stream.size());
  PutId(out, stream.last_id());
  PutId(out, stream.greatest_erased());
  PutVarint(out, stream.added());
  PutVarint(out, stream.blocks().size());
  for (const StreamBlock& block : stream.blocks()) {
    PutId(out, block.id());
    PutText(out, block.listpack());
  }
  PutVarint(out, stream.groups().size());
  for (const auto& [name, group] : stream.groups()) PackGroup(name, group, out);
}

void Stream::Pack(std::string* out) const { PackStream(*this, out); }

bool IsPackedStream(std::string_view packed) { return ReadPacked(packed, true, Checking{}); }

std::unique_ptr<Stream> UnpackStream(std::string_view packed) {
  auto stream = std::make_unique<Stream>();
  ReadPacked(packed, false, Building{stream.get()});
  return stream;
}

}  // namespace ringkv::storage
