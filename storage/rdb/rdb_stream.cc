// SPDX-License-Identifier: MIT
#include "storage/rdb/rdb_stream.h"

#include <bit>
#include <map>
#include <optional>

#include "storage/base/byte_codec.h"

namespace ringkv::storage {
namespace {

constexpr size_t kIdBytes = 2 * sizeof(uint64_t);

// --- IDs: as sixteen bytes with the highest one first, or as two lengths --------------------------------------------

void AppendBigEndian(std::string* out, uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) out->push_back(static_cast<char>(number >> shift));
}

uint64_t BigEndian(std::string_view bytes) {
  uint64_t number = 0;
  for (const char c : bytes) number = number << 8 | static_cast<unsigned char>(c);
  return number;
}

std::string IdBytes(const StreamId& id) {
  std::string bytes;
  AppendBigEndian(&bytes, id.ms);
  AppendBigEndian(&bytes, id.seq);
  return bytes;
}

std::optional<StreamId> IdOf(std::string_view bytes) {
  if (bytes.size() != kIdBytes) return std::nullopt;
  return StreamId{BigEndian(bytes.substr(0, kIdBytes / 2)), BigEndian(bytes.substr(kIdBytes / 2))};
}

void PutId(std::string* out, const StreamId& id) {
  PutRdbLength(out, id.ms);
  PutRdbLength(out, id.seq);
}

StreamId ReadId(RdbInput& in) {
  StreamId id;
  id.ms = in.Length();
  id.seq = in.Length();
  return id;
}

// --- writing --------------------------------------------------------------------------------------------------------

void PutGroup(std::string* out, const std::string& name, const StreamGroup& group) {
  PutRdbString(out, name);
  PutId(out, group.last_id);
  PutRdbLength(out, static_cast<uint64_t>(group.read));
  PutRdbLength(out, group.pending().size());
  for (const auto& [id, pending] : group.pending()) {
    out->append(IdBytes(id));
    PutFixed(out, pending.delivered);
    PutRdbLength(out, pending.deliveries);
  }
  PutRdbLength(out, group.consumers().size());
  for (const auto& [consumer, state] : group.consumers()) {
    PutRdbString(out, consumer);
    PutFixed(out, state.seen);
    PutRdbLength(out, state.pending.size());
    for (const StreamId& id : state.pending) out->append(IdBytes(id));
  }
}

// --- reading --------------------------------------------------------------------------------------------------------

bool ReadBlocks(RdbInput& in, Stream* stream) {
  std::string id_bytes;
  std::string listpack;
  std::optional<StreamId> before;
  for (uint64_t left = in.Length(); left > 0 && in.ok(); --left) {
    if (!in.String(&id_bytes) || !in.String(&listpack)) return false;
    const std::optional<StreamId> id = IdOf(id_bytes);
    if (!id || (before && *id <= *before) || !StreamBlock::IsSound(*id, listpack)) return false;
    StreamBlock block(*id, listpack);
    before = block.LastId();
    // Redis keeps a block whose entries were all trimmed, if an erased one stands behind them.
    if (block.size() > 0) stream->AppendBlock(std::move(block));
  }
  return in.ok();
}

bool ReadGroup(RdbInput& in, RdbType type, Stream* stream) {
  std::string name;
  if (!in.String(&name)) return false;
  const StreamId last_id = ReadId(in);
  int64_t read = StreamGroup::kUnknown;
  if (type != RdbType::kStreamListpacks) {
    read = static_cast<int64_t>(in.Length());
  } else if (const std::optional<uint64_t> up_to = stream->CountUpTo(last_id)) {
    read = static_cast<int64_t>(*up_to);
  }
  if (!in.ok() || read < StreamGroup::kUnknown || !stream->PutGroup(name, last_id, read)) return false;
  struct Delivery {
    UnixMs time;
    uint64_t count;
  };
  std::map<StreamId, Delivery> unowned;
  for (uint64_t left = in.Length(); left > 0 && in.ok(); --left) {
    const std::optional<StreamId> id = IdOf(in.Bytes(kIdBytes));
    const auto time = in.Fixed<UnixMs>();
    if (!id || !unowned.emplace(*id, Delivery{time, in.Length()}).second) return false;
  }
  return stream->ChangeGroup(name, [&](StreamGroup& group) {
    for (uint64_t left = in.Length(); left > 0 && in.ok(); --left) {
      std::string consumer;
      if (!in.String(&consumer)) return false;
      const auto seen = in.Fixed<UnixMs>();
      if (type == RdbType::kStreamListpacks3) in.Fixed<UnixMs>();  // when it last got something
      if (!group.PutConsumer(consumer, seen)) return false;
      for (uint64_t pending = in.Length(); pending > 0 && in.ok(); --pending) {
        const std::optional<StreamId> id = IdOf(in.Bytes(kIdBytes));
        const auto found = id ? unowned.find(*id) : unowned.end();
        if (found == unowned.end()) return false;
        group.Pend(consumer, *id, found->second.time, found->second.count);
        unowned.erase(found);
      }
    }
    return in.ok() && unowned.empty();
  });
}

}  // namespace

void PutRdbStream(std::string* out, const Stream& stream) {
  PutRdbLength(out, stream.blocks().size());
  for (const StreamBlock& block : stream.blocks()) {
    PutRdbString(out, IdBytes(block.id()));
    PutRdbString(out, block.listpack());
  }
  PutRdbLength(out, stream.size());
  PutId(out, stream.last_id());
  PutId(out, stream.first_entry());
  PutId(out, stream.greatest_erased());
  PutRdbLength(out, stream.added());
  PutRdbLength(out, stream.groups().size());
  for (const auto& [name, group] : stream.groups()) PutGroup(out, name, group);
}

bool ReadRdbStream(RdbInput& in, RdbType type, Stream* stream) {
  if (!ReadBlocks(in, stream)) return false;
  const uint64_t size = in.Length();
  const StreamId last_id = ReadId(in);
  StreamId greatest_erased;
  uint64_t added = size;
  if (type != RdbType::kStreamListpacks) {
    ReadId(in);  // that of the first entry
    greatest_erased = ReadId(in);
    added = in.Length();
  }
  if (!in.ok() || size != stream->size() || added < size || last_id < stream->last_entry()) return false;
  stream->SetIds(last_id, greatest_erased, added);
  for (uint64_t groups = in.Length(); groups > 0 && in.ok(); --groups) {
    if (!ReadGroup(in, type, stream)) return false;
  }
  return in.ok();
}

}  // namespace ringkv::storage
