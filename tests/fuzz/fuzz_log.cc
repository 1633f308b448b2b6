// SPDX-License-Identifier: MIT
// Any bytes as the groups of a log frame, under a right checksum, and any bytes behind it: recovery takes them or says
// what is wrong, and what it took can be logged and recovered again to the same.
#include <cstdint>
#include <cstdlib>

#include "tests/support/durable_store.h"
#include "tests/support/faulty_file_system.h"

namespace {

using namespace ringkv;

void PlaceLog(test::FaultyFileSystem& disk, const std::string& bytes) {
  if (!disk.MakeDirectory("log")) std::abort();
  const auto file = disk.Open("log/" + storage::NameOfLogFile(1), storage::OpenMode::kReplace);
  if (!file || !(*file)->Append(bytes)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const size_t body_bytes = text.size() * data[1] / 255;
  std::string bytes =
      storage::EncodeFileHeader(storage::kLogMagic, {.hash_seed = test::DurableStore::kSeed, .lsn = 1, .created = 1});
  storage::EncodeFrame(
      &bytes,
      {.first = 1, .groups = uint32_t{data[0]} + 1, .durable = 0, .time = 1, .body = text.substr(0, body_bytes)});
  bytes += text.substr(body_bytes);
  test::FaultyFileSystem disk;
  PlaceLog(disk, bytes);
  test::DurableStore store(disk);
  if (!store.Recover()) return 0;
  if (!store.Snapshot()) std::abort();
  test::DurableStore again(disk);
  if (!again.Recover() || again.Contents() != store.Contents()) std::abort();
  return 0;
}
