// SPDX-License-Identifier: MIT
// Gives slots away to another shard's primary, which has asked for them: batch by batch, their keys while writes go on,
// then, with requests for them held back for some milliseconds, the slots themselves (docs/formats/node-link.md).
//
// Threads: one of its own; the rest reads atomics.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "cluster/slot_map.h"
#include "server/node_link/message_reader.h"
#include "server/session/client_directory.h"
#include "storage/log/log_tail.h"
#include "storage/transfer/slot_stream.h"

namespace ringkv::server {

class ClusterState;
class Server;

// Who asks for slots.
struct PullRequest {
  uint64_t epoch = 0;
  std::string shard;
  cluster::SlotSet owned;  // by that shard
};

class SlotExport {
 public:
  // Takes the connection over. All must outlive the object.
  SlotExport(Server& server, ClusterState& state, int descriptor, std::shared_ptr<ClientCard> card,
             PullRequest request);
  ~SlotExport();

  void Start();
  // Ends the link soon.
  void Interrupt();
  bool has_ended() const { return has_ended_.load(); }
  const std::string& shard() const { return request_.shard; }
  uint64_t epoch() const { return request_.epoch; }
  uint64_t keys() const { return keys_.load(); }

 private:
  void Run();
  storage::Status Serve();
  // The slots to move next; none when there are no more.
  cluster::SlotSet NextBatch();
  cluster::SlotSet SlotsToMove(bool keeps_one);
  storage::Status MoveBatch();
  storage::Status CopyKeys(storage::SlotStream& stream);
  // Until a barrier comes back soon.
  storage::Status CatchUp(storage::SlotStream& stream);
  // False if the receiver was too slow: nothing has happened then.
  storage::Result<bool> HandOver(storage::SlotStream& stream);
  // Offers what is held, and waits for the answer.
  storage::Status Offer();
  void Release();
  // Nothing was offered after all.
  void TakeBackOffer();
  // Sends what the log says by now.
  storage::Status SendChanges(storage::SlotStream& stream);
  storage::Status Send(cluster::MessageKind kind, std::string_view body);
  // Sends a barrier or an offer and waits until it is acknowledged. False if that takes longer.
  storage::Result<bool> AskAndWait(cluster::MessageKind kind, int64_t timeout_ms);

  Server& server_;
  ClusterState& state_;
  PeerSocket socket_;
  MessageReader reader_;
  const std::shared_ptr<ClientCard> card_;
  const PullRequest request_;
  std::unique_ptr<storage::LogTail> tail_;
  uint64_t number_ = 0;  // of the last barrier or offer
  cluster::SlotSet batch_;
  bool was_offered_ = false;  // the batch: from then on the other side decides

  std::atomic<uint64_t> keys_{0};  // sent
  std::atomic<bool> interrupted_{false};
  std::atomic<bool> has_ended_{false};
  std::thread thread_;
};

}  // namespace ringkv::server
