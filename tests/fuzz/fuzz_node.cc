// SPDX-License-Identifier: MIT
// Any bytes as what another node sends: messages are taken or refused; a follower takes sections and frames or says
// what is wrong, and what it has taken can be read; likewise slots that arrive.
#include <cstdint>
#include <cstdlib>

#include "cluster/node_messages.h"
#include "storage/base/checksum.h"
#include "storage/transfer/follower.h"
#include "storage/transfer/slot_arrival.h"
#include "tests/support/durable_store.h"
#include "tests/support/faulty_file_system.h"

namespace {

using namespace ringkv;

// With checksums that are right, so that what is behind them is reached.
std::string AsSection(storage::SectionKind kind, std::string_view body) {
  std::string bytes = storage::EncodeSection(
      {.kind = kind, .stored_bytes = body.size(), .raw_bytes = body.size(), .body_checksum = storage::Checksum(body)});
  return bytes.append(body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  cluster::NodeMessage message;
  size_t needed = 0;
  if (cluster::DecodeMessage(text, &message, &needed) == cluster::Decoded::kMessage && needed > size) std::abort();
  cluster::SlotBatch batch;
  if (cluster::DecodeSlotBatch(text, &batch)) cluster::PositionsOf(batch.ranges);
  cluster::PublishedMessage published;
  if (cluster::DecodePublished(text, &published) && EncodePublished(published).size() > size) std::abort();
  test::FaultyFileSystem disk;
  test::DurableStore store(disk);
  {
    storage::SlotArrival arrival(store.store(), {{0, storage::kPositions}}, {.seed = 1, .by_slot = true});
    if (arrival.TakeSection(AsSection(storage::SectionKind::kBlock, text.substr(1))) && arrival.keys() > size)
      std::abort();
    arrival.TakeChanges(text.substr(1)).has_value();
    store.Contents();
  }
  storage::Follower follower(store.store());
  const bool begins = data[0] % 2 == 0;
  if (begins) {
    const std::string header = storage::EncodeFileHeader(
        storage::kSnapshotMagic, {.hash_seed = data[1], .by_slot = data[1] % 2 == 1, .lsn = 0, .created = 1});
    if (!follower.Begin(header)) std::abort();
    const auto kind = data[0] % 4 == 0 ? storage::SectionKind::kBlock : storage::SectionKind::kLibraries;
    const bool taken = follower.TakeSection(AsSection(kind, text.substr(2))).has_value();
    if (!taken && !follower.is_loading()) std::abort();
  } else {
    follower.Resume(0);
    std::string frame;
    storage::EncodeFrame(&frame,
                         {.first = 1, .groups = data[1] % 4u + 1, .durable = 0, .time = 1, .body = text.substr(2)});
    if (follower.TakeFrame(frame) && follower.last() == 0) std::abort();
  }
  store.Contents();
  return 0;
}
