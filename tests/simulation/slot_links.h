// SPDX-License-Identifier: MIT
// The connections of a cluster's node in a simulation: others ask or pull, and it pulls from them.
//
// Threads: confined.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/migration/owned_slots.h"
#include "cluster/migration/slot_receiver.h"
#include "cluster/migration/slot_sender.h"
#include "cluster/watch/node_news.h"
#include "storage/base/blank_words.h"
#include "storage/log/log_tail.h"
#include "storage/transfer/slot_stream.h"
#include "tests/simulation/accepting_link.h"
#include "tests/simulation/cluster_node.h"

namespace ringkv::test {

// A connection of another node, which asks which slots this one owns, or pulls slots.
class ClusterNode::Visitor final : private cluster::SlotSender::Source {
 public:
  Visitor(ClusterNode& node, const std::shared_ptr<Wire>& wire) : node_(node) {
    auto link = std::make_unique<AcceptingLink>(
        [this](const std::vector<std::string>& words, std::string_view) { return Serve(words); });
    link_ = link.get();
    port_ = std::make_shared<Port>(node_.network_, node_.clock_, std::move(link),
                                   [this](const std::string&) { EndExport(); });
    port_->Open(wire, 1);
  }

  Port& port() { return *port_; }
  const std::string& shard() const { return shard_; }
  const cluster::SlotSet& owned() const { return owned_; }
  uint64_t epoch() const { return epoch_; }
  // Asks only whether this node is there.
  bool is_watching() const { return is_watching_; }
  bool waits() const { return is_pulling_ && sender_ == nullptr; }
  bool is_export() const { return sender_ != nullptr; }
  bool has_offered() const { return sender_ != nullptr && !is_over_ && sender_->was_offered(); }

  void StartExport() {
    cluster::SlotSender::Source& source = *this;
    auto sender = std::make_unique<cluster::SlotSender>(source, epoch_);
    sender_ = sender.get();
    if (link_->Become(std::move(sender), node_.clock_.SteadyMs())) port_->Wake();
  }
  void Disconnect(bool is_noticed) {
    port_->Close(is_noticed);
    EndExport();
  }

 private:
  AcceptingLink::Outcome Serve(const std::vector<std::string>& words) {
    if (words.size() < 2 || words[0] != "CLUSTER") return {"+OK\r\n"};
    if (words[1] == "ANNOUNCED") {
      is_watching_ = true;
      return {"+" + cluster::PrintNews({}) + "\r\n"};
    }
    if (!node_.leads()) return {"-ERR this node is a replica\r\n"};
    if (!node_.kept_ledger_.is_safe()) return {"-ERR this node does not know yet which slots its shard owns\r\n"};
    if (words[1] == "OWNED") {
      const std::string& own = node_.shard_name();
      return {"+" + cluster::PrintOwned({node_.epoch(), own, node_.ledger_.OwnedBy(own)}) + "\r\n"};
    }
    epoch_ = std::stoull(words[2]);
    shard_ = words[3];
    if (epoch_ != node_.epoch()) return {"-ERR this node is at another epoch\r\n"};
    if (const auto ranges = cluster::ParseRanges(storage::SplitAtBlanks(words.size() > 4 ? words[4] : ""))) {
      owned_ = cluster::SlotsIn(*ranges);
    }
    is_pulling_ = true;
    node_.WakeSlots();
    return {.waits = true};
  }

  // As an export's thread does when its link has ended.
  void EndExport() {
    if (sender_ == nullptr || std::exchange(is_over_, true)) return;
    Release(sender_->batch());
    if (sender_->was_offered() || !node_.ledger_.IsOffered(sender_->batch(), shard_)) return;
    const storage::Status noted =
        node_.Change(node_.epoch(), [this](cluster::SlotLedger& ledger) { ledger.EndOffer(shard_); });
    if (!noted) node_.timeline_.Note(node_.number_, noted.error().text);
  }

  // --- what the slot sender reads and changes ---
  int64_t timeout_ms() const override { return kTimeoutMs; }
  cluster::SlotSet SlotsToMove(bool keeps_one) override {
    if (node_.epoch() != epoch_) return {};
    const size_t most = size_t{1} << node_.timeline_.Between(6, 14);
    return node_.Known().BatchFor(node_.topology_->FindShard(shard_), most, keeps_one);
  }
  size_t CountOwned() override { return node_.slots_.CountOf(node_.here_.shard); }
  std::string BeginBatch(const cluster::SlotSet& slots) override {
    const std::vector<cluster::SlotRange> ranges = cluster::RangesIn(slots);
    stream_.emplace(node_.store_, cluster::PositionsOf(ranges), 1, node_.block_bytes_);
    const std::string directory = node_.durability_.log().is_open() ? kTestFiles.log_directory : "";
    tail_ = std::make_unique<storage::LogTail>(node_.backlog_, node_.disk_, directory, appended() + 1);
    return cluster::EncodeSlotBatch({.source = node_.store_.placement(), .ranges = ranges});
  }
  bool NextBlock(std::string* section) override { return stream_->NextBlock(section); }
  storage::Result<bool> ReadChanges(std::string* changes) override {
    const storage::Backlog::ReadResult found = tail_->Read(64 * 1024, &frames_);
    if (found == storage::Backlog::ReadResult::kNothingYet) return false;
    if (found == storage::Backlog::ReadResult::kGone) return storage::Fail("it is too slow");
    for (const auto& frame : frames_) {
      if (!stream_->Filter(*frame, changes)) return storage::Fail("an effect cannot be restricted to slots");
    }
    return true;
  }
  storage::Lsn next() const override { return tail_->next(); }
  storage::Lsn appended() override { return node_.store_.log().appended(); }
  void HurryFrames() override { node_.durability_.log().Step(); }
  void BeginRound() override {
    Timeline& timeline = node_.timeline_;
    round_ends_ms_ = timeline.now() + (timeline.Percent(5) ? timeline.Between(0, 300) : timeline.Between(0, 3));
  }
  bool HasRoundEnded() override { return node_.timeline_.now() >= round_ends_ms_; }
  bool Hold(const cluster::SlotSet& slots, int64_t) override {
    node_.held_ |= slots;
    node_.ShowServed();
    return !node_.timeline_.Percent(5);
  }
  void Release(const cluster::SlotSet& slots) override {
    node_.held_ &= ~slots;
    node_.ShowServed();
  }
  void NoteAttemptsInVain(const cluster::SlotSet&, uint32_t) override {}
  bool IsLedgerSafe() override { return node_.kept_ledger_.Settle(); }
  storage::Status PrepareOffer(const cluster::SlotSet& slots) override {
    node_.unsent_ |= slots;
    node_.ShowServed();
    const auto offer = [&](cluster::SlotLedger& ledger) { ledger.MakeOffer(slots, shard_, epoch_); };
    storage::Status noted = node_.Change(epoch_, offer);
    if (!noted) node_.unsent_ &= ~slots;
    return noted;
  }
  void SendOffer(const cluster::SlotSet& slots) override {
    node_.timeline_.Note(node_.number_, "offers " + std::to_string(slots.count()) + " slots to shard " + shard_);
    node_.timeline_.Trace(node_.number_, [&] { return "those are " + PrintRanges(cluster::RangesIn(slots)); });
    node_.unsent_ &= ~slots;
    node_.ShowServed();
  }
  storage::Status Give(const cluster::SlotSet& slots) override {
    return node_.Change(epoch_, [&](cluster::SlotLedger& ledger) { ledger.GiveAway(slots, shard_); });
  }

  ClusterNode& node_;
  AcceptingLink* link_ = nullptr;
  cluster::SlotSender* sender_ = nullptr;  // of the link
  std::string shard_;
  uint64_t epoch_ = 0;
  cluster::SlotSet owned_;
  bool is_watching_ = false;
  bool is_pulling_ = false;
  bool is_over_ = false;
  int64_t round_ends_ms_ = 0;
  std::optional<storage::SlotStream> stream_;
  std::unique_ptr<storage::LogTail> tail_;
  storage::FrameList frames_;
  std::shared_ptr<Port> port_;
};

// Pulls slots of another shard, until all have come.
class ClusterNode::Import final : private cluster::SlotReceiver::Target {
 public:
  Import(ClusterNode& node, uint64_t epoch, std::string shard) : node_(node), epoch_(epoch), shard_(std::move(shard)) {}

  const std::string& shard() const { return shard_; }
  uint64_t epoch() const { return epoch_; }
  bool has_ended() const { return has_ended_; }

  void Begin() {
    if (node_.network_.IsStopped(node_.number_)) return BeginLater();
    if (!StillMoves()) {
      has_ended_ = true;
      return;
    }
    if (!node_.kept_ledger_.Settle()) return BeginLater();
    cluster::SlotReceiver::Target& target = *this;
    const std::string own = node_.shard_name();
    auto link = std::make_unique<cluster::SlotReceiver>(
        target,
        cluster::PullIntroduction{
            .epoch = epoch_, .shard = own, .owned = PrintRanges(cluster::RangesIn(node_.ledger_.OwnedBy(own)))});
    port_ = node_.ConnectTo(node_.NodeOf(node_.topology_->FindShard(shard_)), std::move(link),
                            [this](const std::string&) { BeginLater(); });
    if (port_ == nullptr) BeginLater();
  }
  void Disconnect(bool is_noticed) {
    if (port_ == nullptr || port_->has_ended()) return;
    port_->Close(is_noticed);
    BeginLater();
  }

 private:
  void BeginLater() {
    node_.timeline_.After(node_.timeline_.Between(50, 500), [this, alive = std::weak_ptr<bool>(alive_)] {
      if (!alive.expired()) Begin();
    });
  }
  bool StillMoves() const { return node_.epoch() == epoch_ && Expected().any(); }
  cluster::SlotSet Expected() const {
    return node_.slots_.SlotsOf(node_.topology_->FindShard(shard_)) &
           node_.topology_->slots().SlotsOf(node_.here_.shard);
  }

  // --- what the slot receiver changes ---
  int64_t timeout_ms() const override { return kTimeoutMs; }
  storage::Status BeginBatch(const cluster::SlotBatch& batch) override {
    arrival_.reset();
    const cluster::SlotSet slots = cluster::SlotsIn(batch.ranges);
    if ((slots & ~Expected()).any()) return storage::Fail("slots came which don't go from there to here");
    const auto note = [&](cluster::SlotLedger& ledger) { ledger.AddStrays(slots); };
    if (storage::Status noted = node_.Change(epoch_, note); !noted) return noted;
    const std::vector<storage::PositionRange> positions = cluster::PositionsOf(batch.ranges);
    storage::SlotEraser eraser(node_.store_, positions);
    while (eraser.Step()) {
    }
    batch_ = slots;
    flushes_ = node_.store_.flushes();
    arrival_ = std::make_unique<storage::SlotArrival>(node_.store_, positions, batch.source);
    return {};
  }
  storage::Status TakeKeys(std::string_view section) override {
    node_.StepLogSoon();
    return arrival_->TakeSection(section);
  }
  storage::Status TakeChanges(std::string_view changes) override {
    node_.StepLogSoon();
    return arrival_->TakeChanges(changes);
  }
  storage::Status Secure() override {
    secured_ = node_.appended();
    return node_.SecureAll();
  }
  bool IsSafe() override { return node_.IsSafe(secured_) && node_.kept_ledger_.Settle(); }
  storage::Status TakeOver() override {
    // Else the keys may be on their way out again.
    if (node_.epoch() != epoch_) return storage::Fail("the topology has a newer epoch");
    node_.owner_.NoteHandOver(node_.NodeOf(node_.topology_->FindShard(shard_)), node_.number_, batch_);
    const std::string own = node_.shard_name();
    const auto take = [&](cluster::SlotLedger& ledger) { ledger.TakeOver(batch_, own); };
    if (storage::Status taken = node_.Change(epoch_, take, flushes_); !taken) return taken;
    arrival_.reset();
    node_.timeline_.Note(node_.number_, "takes over " + std::to_string(batch_.count()) + " slots of shard " + shard_);
    node_.timeline_.Trace(node_.number_, [&] { return "those are " + PrintRanges(cluster::RangesIn(batch_)); });
    return {};
  }
  void NoteFinished() override {}

  ClusterNode& node_;
  const uint64_t epoch_;
  const std::string shard_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  bool has_ended_ = false;
  cluster::SlotSet batch_;
  uint64_t flushes_ = 0;      // the store's flush count when the batch began
  storage::Lsn secured_ = 0;  // the last group that has to be safe
  std::unique_ptr<storage::SlotArrival> arrival_;
  std::shared_ptr<Port> port_;
};

}  // namespace ringkv::test
