// SPDX-License-Identifier: MIT
// Any bytes as an RDB file, and as the value of a DUMP payload: taken or refused, without much memory for a short
// input.
#include <cstdint>
#include <cstdlib>

#include "storage/rdb/crc64.h"
#include "storage/rdb/dump_payload.h"
#include "storage/rdb/rdb_reader.h"
#include "tests/support/faulty_file_system.h"

namespace {

using namespace ringkv;

void ReadFile(std::string_view text) {
  test::FaultyFileSystem disk;
  {
    const auto file = disk.Open("file.rdb", storage::OpenMode::kReplace);
    if (!file || !(*file)->Append("REDIS0010" + std::string(text))) std::abort();
  }
  const auto reader = storage::RdbReader::Open(disk, "file.rdb");
  if (!reader) std::abort();
  storage::RdbKey key;
  while ((*reader)->Next(&key).value_or(false)) {
  }
}

void ReadPayload(std::string body) {
  body += std::string("\x0a\0", 2);
  const uint64_t checksum = storage::Crc64(0, body);
  body.append(reinterpret_cast<const char*>(&checksum), sizeof checksum);
  const storage::DumpContent content = storage::DecodeDumpPayload(body);
  if (content.status == storage::DumpStatus::kWrongEnvelope) std::abort();
  if (content.status != storage::DumpStatus::kValid) return;
  if (content.kind.type() != storage::ValueType::kString && !storage::IsPackedCollection(content.kind, content.value)) {
    std::abort();
  }
  const storage::DumpContent again =
      storage::DecodeDumpPayload(storage::EncodeDumpPayload(content.kind, content.value));
  if (again.value != content.value) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  ReadFile(text);
  ReadPayload(std::string(text));
  return 0;
}
