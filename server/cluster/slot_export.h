// SPDX-License-Identifier: MIT
// The sending side of a slot migration, to the primary of another shard that has requested the slots: a slot sender
// with the data, the ledger and the socket that it needs.
//
// Threads: one of its own; other threads read atomics.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "cluster/migration/slot_sender.h"
#include "cluster/slot_map.h"
#include "server/cluster/cluster_parts.h"
#include "server/cluster/slot_ownership.h"
#include "server/node_link/peer_socket.h"
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

class SlotExport final : private cluster::SlotSender::Source {
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
  // Withdraws what was prepared and not sent. An earlier offer may have been taken.
  void TakeBackOffer(const cluster::SlotSet& slots);

  // --- what the slot sender reads and changes ---
  int64_t timeout_ms() const override { return parts_.options.repl_timeout * 1000; }
  cluster::SlotSet SlotsToMove(bool keeps_one) override;
  size_t CountOwned() override;
  std::string BeginBatch(const cluster::SlotSet& slots) override;
  bool NextBlock(std::string* section) override;
  storage::Result<bool> ReadChanges(std::string* changes) override;
  storage::Lsn next() const override { return tail_->next(); }
  storage::Lsn appended() override { return parts_.data.store().log().appended(); }
  void HurryFrames() override { parts_.data.durability().log().Step(); }
  void BeginRound() override { round_ = parts_.links.EndOfRound(); }
  bool HasRoundEnded() override;
  bool Hold(const cluster::SlotSet& slots, int64_t most_ms) override;
  void Release(const cluster::SlotSet& slots) override;
  void NoteAttemptsInVain(const cluster::SlotSet& slots, uint32_t count) override;
  bool IsLedgerSafe() override { return state_.IsLedgerSafe(); }
  storage::Status PrepareOffer(const cluster::SlotSet& slots) override;
  void SendOffer(const cluster::SlotSet& slots) override { state_.SendOffer(slots); }
  storage::Status Give(const cluster::SlotSet& slots) override;

  const ClusterParts& parts_;
  SlotOwnership& state_;
  PeerSocket socket_;
  const std::shared_ptr<ClientCard> card_;
  const PullRequest request_;
  std::optional<storage::SlotStream> stream_;
  std::unique_ptr<storage::LogTail> tail_;
  storage::FrameList frames_;
  std::future<void> round_;

  std::atomic<uint64_t> keys_{0};  // sent
  std::atomic<bool> interrupted_{false};
  std::atomic<bool> has_ended_{false};
  std::thread thread_;
};

}  // namespace ringkv::server
