// SPDX-License-Identifier: MIT
// Any bytes as an RDB file, and as what is in a payload of DUMP or FUNCTION DUMP: taken or refused, without much memory
// for a short input.
#include <cstdint>
#include <cstdlib>

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
  (*reader)->set_on_library([](const std::string&) { return storage::Status(); });
  storage::RdbKey key;
  while ((*reader)->Next(&key).value_or(false)) {
  }
}

constexpr size_t kMostBytes = 1 << 20;

void ReadLibraries(std::string payload) {
  storage::SealPayload(&payload);
  const storage::LibrariesContent content = storage::DecodeLibrariesPayload(payload, kMostBytes);
  if (content.status == storage::LibrariesStatus::kWrongEnvelope) std::abort();
  std::string again;
  for (const std::string& code : content.codes) storage::AddLibraryToPayload(&again, code);
  storage::SealPayload(&again);
  if (storage::DecodeLibrariesPayload(again, kMostBytes).codes != content.codes) std::abort();
}

void ReadPayload(std::string body) {
  storage::SealPayload(&body);
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
  ReadLibraries(std::string(text));
  return 0;
}
