// SPDX-License-Identifier: MIT
// Any bytes as a block, a frame or the libraries of a snapshot whose checksums are right: loading takes them or says
// what is wrong.
#include <cstdint>
#include <cstdlib>
#include <iterator>

#include "storage/base/checksum.h"
#include "storage/snapshot/snapshot_format.h"
#include "tests/support/durable_store.h"
#include "tests/support/faulty_file_system.h"

namespace {

using namespace ringkv;

void AddSection(std::string* file, storage::SectionKind kind, uint64_t number, uint32_t keys, std::string_view body) {
  *file += storage::EncodeSection({.kind = kind,
                                   .keys = keys,
                                   .number = number,
                                   .stored_bytes = body.size(),
                                   .raw_bytes = body.size(),
                                   .body_checksum = storage::Checksum(body)});
  *file += body;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 2, size - 2);
  const uint32_t keys = data[1];
  std::string bytes =
      storage::EncodeFileHeader(storage::kSnapshotMagic, {.hash_seed = test::DurableStore::kSeed, .created = 1});
  constexpr storage::SectionKind kKinds[] = {storage::SectionKind::kBlock, storage::SectionKind::kFrame,
                                             storage::SectionKind::kLibraries, storage::SectionKind::kLedger};
  const storage::SectionKind kind = kKinds[data[0] % std::size(kKinds)];
  AddSection(&bytes, kind, 0, keys, body);
  AddSection(&bytes, storage::SectionKind::kEnd, 1, 0, storage::EncodeEnd({.keys = keys, .raw_bytes = body.size()}));
  test::FaultyFileSystem disk;
  const auto file = disk.Open(test::kTestFiles.SnapshotPath(), storage::OpenMode::kReplace);
  if (!file || !(*file)->Append(bytes)) std::abort();
  test::DurableStore store(disk);
  if (store.Recover()) store.Contents();
  return 0;
}
