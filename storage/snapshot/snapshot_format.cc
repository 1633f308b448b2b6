// SPDX-License-Identifier: MIT
#include "storage/snapshot/snapshot_format.h"

#include "storage/base/checksum.h"
#include "storage/entry/large_value.h"
#include "storage/types/collection.h"

namespace ringkv::storage {
namespace {

constexpr std::string_view kSectionMagic = "RKVS";

// An entry's first byte: its kind in the lower six bits, then whether it expires.
constexpr uint8_t kKindMask = 0x3f;
constexpr uint8_t kExpires = 0x40;
constexpr size_t kAccessBytes = 3;

}  // namespace

std::string EncodeSnapshotHeader(const Store& store, UnixMs now, Lsn begun) {
  return EncodeFileHeader(
      kSnapshotMagic,
      {.hash_seed = store.placement().seed, .by_slot = store.placement().by_slot, .lsn = begun, .created = now});
}

std::string EncodeSection(const Section& section) {
  std::string bytes(kSectionMagic);
  bytes.push_back(static_cast<char>(section.kind));
  bytes.push_back(static_cast<char>(section.codec));
  PutFixed(&bytes, uint16_t{0});
  PutFixed(&bytes, section.keys);
  PutFixed(&bytes, uint32_t{0});
  PutFixed(&bytes, section.number);
  PutFixed(&bytes, section.stored_bytes);
  PutFixed(&bytes, section.raw_bytes);
  PutFixed(&bytes, section.body_checksum);
  PutFixed(&bytes, Checksum(bytes));
  return bytes;
}

bool DecodeSection(std::string_view bytes, Section* section) {
  if (bytes.size() < kSectionHeaderBytes) return false;
  ByteReader reader(bytes.substr(0, kSectionHeaderBytes));
  if (reader.Bytes(kSectionMagic.size()) != kSectionMagic) return false;
  section->kind = static_cast<SectionKind>(reader.Fixed<uint8_t>());
  section->codec = static_cast<Codec>(reader.Fixed<uint8_t>());
  reader.Fixed<uint16_t>();
  section->keys = reader.Fixed<uint32_t>();
  reader.Fixed<uint32_t>();
  section->number = reader.Fixed<uint64_t>();
  section->stored_bytes = reader.Fixed<uint64_t>();
  section->raw_bytes = reader.Fixed<uint64_t>();
  section->body_checksum = reader.Fixed<uint64_t>();
  return reader.Fixed<uint64_t>() == Checksum(bytes.substr(0, kSectionHeaderBytes - sizeof(uint64_t)));
}

std::string EncodeEnd(const SnapshotEnd& end) {
  std::string body;
  PutFixed(&body, end.last);
  PutFixed(&body, end.keys);
  PutFixed(&body, end.raw_bytes);
  return body;
}

bool DecodeEnd(std::string_view body, SnapshotEnd* end) {
  ByteReader reader(body);
  end->last = reader.Fixed<Lsn>();
  end->keys = reader.Fixed<uint64_t>();
  end->raw_bytes = reader.Fixed<uint64_t>();
  return reader.ok();
}

std::string EncodeLibraries(const LibrarySet& libraries) {
  std::string body;
  for (const auto& [name, code] : libraries) {
    PutText(&body, name);
    PutText(&body, *code);
  }
  return body;
}

bool DecodeLibraries(std::string_view body, LibrarySet* libraries) {
  ByteReader reader(body);
  while (!reader.AtEnd()) {
    const std::string_view name = reader.Text();
    const std::string_view code = reader.Text();
    if (!reader.ok() || name.empty()) return false;
    libraries->insert_or_assign(std::string(name), std::make_shared<const std::string>(code));
  }
  return reader.ok();
}

void EncodeRun(std::string* out, const BlockRun& run) {
  PutVarint(out, run.first);
  PutVarint(out, run.end - run.first);
  PutVarint(out, run.lsn);
}

BlockRun DecodeRun(ByteReader* from) {
  BlockRun run;
  run.first = from->Varint();
  run.end = run.first + from->Varint();
  run.lsn = from->Varint();
  return run;
}

void EncodeEntry(FoldedBytes* to, const Entry& entry) {
  std::string* out = to->plain();
  const auto flags = static_cast<uint8_t>(PackedKind(entry).bits() | (entry.has_expiry() ? kExpires : 0u));
  out->push_back(static_cast<char>(flags));
  if (entry.has_expiry()) PutFixed(out, entry.expiry());
  const uint32_t access = entry.access();
  out->append(reinterpret_cast<const char*>(&access), kAccessBytes);
  PutText(out, entry.key());
  if (entry.kind().is_large()) return entry.large().CopyTo(to);
  PutText(out, entry.value());
}

BlockEntry DecodeEntry(ByteReader* from) {
  BlockEntry entry;
  const auto flags = from->Fixed<uint8_t>();
  entry.kind = ValueKind(static_cast<uint8_t>(flags & kKindMask));
  if ((flags & kExpires) != 0) entry.expiry = from->Fixed<UnixMs>();
  const std::string_view access = from->Bytes(kAccessBytes);
  if (from->ok()) std::memcpy(&entry.access, access.data(), access.size());
  entry.key = from->Text();
  entry.value = from->Text();
  const bool is_sound = entry.kind.type() == ValueType::kString ? !entry.kind.has_field_expiry()
                                                                : IsPackedCollection(entry.kind, entry.value);
  if (!is_sound) from->Bytes(UINT64_MAX);
  return entry;
}

}  // namespace ringkv::storage
