// SPDX-License-Identifier: MIT
#include "storage/disk/file_header.h"

#include "storage/base/byte_codec.h"
#include "storage/base/checksum.h"

namespace ringkv::storage {

std::string EncodeFileHeader(std::string_view magic, const FileHeader& header) {
  std::string bytes(magic);
  PutFixed(&bytes, header.version);
  PutFixed(&bytes, uint32_t{kFileHeaderBytes});
  PutFixed(&bytes, header.hash_seed);
  PutFixed(&bytes, header.lsn);
  PutFixed(&bytes, header.created);
  PutFixed(&bytes, static_cast<uint8_t>(header.by_slot));
  bytes.resize(kFileHeaderBytes - sizeof(uint64_t), '\0');
  PutFixed(&bytes, Checksum(bytes));
  return bytes;
}

Result<FileHeader> DecodeFileHeader(std::string_view magic, std::string_view bytes) {
  if (bytes.size() < kFileHeaderBytes) return Fail("the file header is cut short", ErrorKind::kDamaged);
  ByteReader reader(bytes.substr(0, kFileHeaderBytes));
  if (reader.Bytes(magic.size()) != magic) {
    return Fail("it does not begin with '" + std::string(magic) + "'", ErrorKind::kDamaged);
  }
  FileHeader header;
  header.version = reader.Fixed<uint32_t>();
  reader.Fixed<uint32_t>();
  header.hash_seed = reader.Fixed<uint64_t>();
  header.lsn = reader.Fixed<Lsn>();
  header.created = reader.Fixed<UnixMs>();
  header.by_slot = reader.Fixed<uint8_t>() != 0;
  const std::string_view checked = bytes.substr(0, kFileHeaderBytes - sizeof(uint64_t));
  ByteReader end(bytes.substr(checked.size(), sizeof(uint64_t)));
  if (end.Fixed<uint64_t>() != Checksum(checked)) {
    return Fail("the checksum of the file header is wrong", ErrorKind::kDamaged);
  }
  if (header.version > kFormatVersion) {
    return Fail("it has format version " + std::to_string(header.version) + ", and this RingKV reads up to " +
                    std::to_string(kFormatVersion) + ": a newer one is needed",
                ErrorKind::kNewerFormat);
  }
  return header;
}

}  // namespace ringkv::storage
