// SPDX-License-Identifier: MIT
// The sending side of a slot migration, to the primary of another shard that has requested the slots. Per batch it
// sends the keys while writes continue, pauses requests for some milliseconds, and hands the slots over
// (docs/formats/node-link.md).
//
// Threads: one of its own; other threads read atomics.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "cluster/slot_map.h"
#include "server/cluster/cluster_parts.h"
#include "server/cluster/slot_ownership.h"
#include "server/node_link/message_reader.h"
#include "server/session/client_directory.h"
#include "storage/log/log_tail.h"
#include "storage/transfer/slot_stream.h"

namespace ringkv::server {

// A shard's request for slots.
struct PullRequest {
  uint64_t epoch = 0;
  std::string shard;
  cluster::SlotSet owned;  // by that shard
};

class SlotExport {
 public:
  // Takes ownership of the connection. All references must outlive the object.
  SlotExport(const ClusterParts& parts, SlotOwnership& state, transport::Channel channel,
             std::shared_ptr<ClientCard> card, PullRequest request);
  ~SlotExport();

  void Start();
  // Closes the link asynchronously.
  void Interrupt();
  bool has_ended() const { return has_ended_.load(); }
  const std::string& shard() const { return request_.shard; }
  uint64_t epoch() const { return request_.epoch; }
  uint64_t keys() const { return keys_.load(); }

 private:
  void Run();
  storage::Status Serve();
  // The next batch of slots; empty when all have moved.
  cluster::SlotSet NextBatch();
  cluster::SlotSet SlotsToMove(bool keeps_one);
  storage::Status MoveBatch();
  storage::Status CopyKeys(storage::SlotStream& stream);
  // Repeats barriers until the receiver acknowledges one quickly, and what was under way here has ended.
  storage::Status CatchUp(storage::SlotStream& stream);
  // Returns false without a change if the receiver was too slow, or what is under way here took longer than `round_ms`.
  storage::Result<bool> HandOver(storage::SlotStream& stream, int64_t round_ms);
  // Offers the held slots and waits for the acknowledgement.
  storage::Status Offer();
  void Release();
  // Withdraws a hold that did not lead to an offer.
  void TakeBackOffer();
  // Sends the changes that the log has by now.
  storage::Status SendChanges(storage::SlotStream& stream);
  storage::Status Send(cluster::MessageKind kind, std::string_view body);
  // Sends a barrier or an offer and waits until it is acknowledged. False if that takes longer.
  storage::Result<bool> AskAndWait(cluster::MessageKind kind, int64_t timeout_ms);

  const ClusterParts& parts_;
  SlotOwnership& state_;
  PeerSocket socket_;
  MessageReader reader_;
  const std::shared_ptr<ClientCard> card_;
  const PullRequest request_;
  std::unique_ptr<storage::LogTail> tail_;
  uint64_t number_ = 0;  // of the last barrier or offer
  cluster::SlotSet batch_;
  bool was_offered_ = false;  // the current batch; from then on the receiver decides

  std::atomic<uint64_t> keys_{0};  // sent
  std::atomic<bool> interrupted_{false};
  std::atomic<bool> has_ended_{false};
  std::thread thread_;
};

}  // namespace ringkv::server
