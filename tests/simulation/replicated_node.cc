// SPDX-License-Identifier: MIT
#include "tests/simulation/replicated_node.h"

#include <algorithm>
#include <utility>

#include "cluster/node_id.h"
#include "server/replication/history_file.h"
#include "storage/base/checksum.h"
#include "tests/simulation/replica_feed.h"

namespace ringkv::test {

using cluster::LogReceiver;
using storage::Lsn;
using storage::Result;
using storage::Status;

// --- its data -------------------------------------------------------------------------------------------------------

class ReplicatedNode::Data final : public cluster::ShardCopy::Data {
 public:
  explicit Data(ReplicatedNode& node) : node_(node) {}

 private:
  using Applied = cluster::ShardCopy::Applied;

  Lsn appended() override { return node_.appended(); }
  bool KeepBacklog() override { return node_.StoredNode::KeepBacklog(); }
  void BecomeFollower() override { node_.SetAuthority(storage::Authority::kFollower); }
  bool BecomeOwner() override { return node_.durability_.BecomeOwner().has_unrecorded; }
  void ShowPrimary() override { node_.is_primary_ = true; }
  Applied ResumeBehind(Lsn last) override {
    node_.follower_.Resume(last);
    return Now();
  }
  Result<Applied> TakeFrame(std::string_view bytes) override {
    if (Status taken = node_.follower_.TakeFrame(bytes); !taken) return tl::unexpected(taken.error());
    return Now();
  }
  Status BeginReplacement() override { return node_.durability_.BeginReplacement(); }
  Status BeginSnapshot(std::string_view header) override { return node_.follower_.Begin(header); }
  Result<Applied> TakeSection(std::string_view bytes) override {
    if (Status taken = node_.follower_.TakeSection(bytes); !taken) return tl::unexpected(taken.error());
    return Now();
  }
  void Clear() override {
    storage::Txn txn(node_.store_, node_.clock_.Now(), node_.random_);
    txn.LockAll();
    txn.Replace(node_.chance_.Next());
  }
  void EndReplacement(Lsn last) override {
    node_.durability_.EndReplacement(last, false);
    node_.backlog_.Clear(last);
  }
  void ShowWhole() override {}

  Applied Now() const {
    const storage::Follower& follower = node_.follower_;
    return {follower.last(), follower.frame_time(), !follower.is_loading()};
  }

  ReplicatedNode& node_;
};

// --- life -----------------------------------------------------------------------------------------------------------

namespace {

std::string MemberOf(size_t node) { return cluster::NodeIdOf(std::to_string(node)); }

std::vector<std::string> MembersWith(int node, const NodeOwner& owner) {
  std::vector<std::string> members;
  for (const size_t each : owner.ShardOf(node)) members.push_back(MemberOf(each));
  return members;
}

}  // namespace

ReplicatedNode::ReplicatedNode(int number, NodeOwner& owner, Network& network, FaultyFileSystem& disk, Promise& promise,
                               storage::StoreOptions shape)
    : StoredNode(number, owner, network, disk, std::move(shape)),
      owner_(owner),
      promise_(promise),
      history_(disk, chance_, *this),
      follower_(store_),
      data_(std::make_unique<Data>(*this)),
      members_(MembersWith(number, owner)),
      copy_(history_, *data_) {}

ReplicatedNode::~ReplicatedNode() {
  feeds_.clear();
  receiver_.reset();
}

Status ReplicatedNode::Start(bool is_primary) {
  is_primary_ = is_primary;
  if (!is_primary) SetAuthority(storage::Authority::kFollower);
  if (Status opened = durability_.Open({}, true, [] { return Status(); }); !opened) return opened;
  has_had_all_ = server::NamesHistory(disk_);
  copy_.Start(is_primary, durability_.recovery().last, store_.log().has_unrecorded());
  if (is_primary) history_.RaiseEpoch(promise_.epoch);
  timeline_.Note(number_, std::string("starts as a ") + (is_primary ? "primary" : "replica") + " at LSN " +
                              std::to_string(appended()));
  if (history_.history().id() == promise_.history && appended() < promise_.last) {
    owner_.Violate(number_, "it had acknowledged LSN " + std::to_string(promise_.last) + ", and has " +
                                std::to_string(appended()) + " after a restart");
  }
  if (std::exchange(promise_.is_newest, false) && promise_.last > 0 &&
      !history_.Holds(promise_.history, promise_.last)) {
    owner_.Violate(number_, "it had acknowledged LSN " + std::to_string(promise_.last) +
                                ", and does not know after a restart which data it has");
  }
  highest_ = appended();
  copy_.NumberChanges();
  ReportState();
  Tick();
  return {};
}

void ReplicatedNode::Tick() {
  if (disk_.is_dead()) return;
  history_.Save();
  if (is_primary_) {
    while (!expiry_.Step()) {
    }
  }
  durability_.Tick();
  StepLogSoon();
  std::erase_if(feeds_, [](const auto& feed) { return feed->port().has_ended(); });
  After(tick_ms_, &ReplicatedNode::Tick);
}

void ReplicatedNode::Disconnect(bool is_noticed) {
  for (const auto& feed : feeds_) feed->port().Close(is_noticed);
  if (receiver_ == nullptr) return;
  receiver_->Close(is_noticed);
  ConnectLater();
}

void ReplicatedNode::Warn(const std::string& line) { timeline_.Note(number_, line); }

// --- the log --------------------------------------------------------------------------------------------------------

void ReplicatedNode::StepLog() {
  WriteLog();
  CheckLsn();
  if (timeline_.random().Below(200) == 0) ReportState();
  Answer();
}

void ReplicatedNode::CheckLsn() {
  if (history_.is_replacing()) return;
  if (appended() < highest_) owner_.Violate(number_, "its LSN runs backwards");
  highest_ = appended();
}

void ReplicatedNode::ReportState() {
  if (history_.is_replacing() || follower_.is_loading()) return;
  std::string text;
  for (const auto& [place, value] : Contents()) {
    text += std::to_string(place.first) + " " + place.second + "=" + value.first + " " + std::to_string(value.second);
  }
  owner_.NoteState(number_, history_.id(), appended(), storage::Checksum(text));
}

// --- roles ----------------------------------------------------------------------------------------------------------

void ReplicatedNode::SetAuthority(storage::Authority authority) {
  storage::Txn txn(store_, clock_.Now(), random_);
  txn.LockAll();
  store_.SetAuthority(authority);
}

void ReplicatedNode::Follow(int primary) {
  timeline_.Note(number_, "follows node " + std::to_string(primary));
  Unfollow();
  is_primary_ = false;
  pending_.clear();
  for (const auto& feed : feeds_) feed->port().Close(true);
  copy_.BecomeFollower();
  following_ = primary;
  Connect();
}

void ReplicatedNode::Unfollow() {
  following_.reset();
  if (receiver_ != nullptr) receiver_->Close(true);
  receiver_.reset();
}

void ReplicatedNode::Promote(uint64_t epoch) {
  Unfollow();
  NoteEpoch(epoch);
  promise_.is_newest = false;
  copy_.BecomePrimary(epoch);
  timeline_.Note(number_, "is promoted at LSN " + std::to_string(appended()) + ", epoch " + std::to_string(epoch));
  ReportState();
}

void ReplicatedNode::RaiseEpoch(uint64_t epoch) {
  NoteEpoch(epoch);
  history_.RaiseEpoch(epoch);
}

void ReplicatedNode::GoOnAsPrimary(uint64_t epoch) {
  NoteEpoch(epoch);
  // Since they acknowledged something, their nodes may have followed another primary.
  for (const auto& feed : feeds_) feed->port().Close(true);
  copy_.GoOnAsPrimary(epoch);
  timeline_.Note(number_, "goes on as the primary of epoch " + std::to_string(epoch));
}

void ReplicatedNode::ConnectIfUnconnected() {
  if (receiver_ == nullptr) Connect();
}

void ReplicatedNode::Connect() {
  if (!following_) return;
  const std::shared_ptr<ReplicatedNode> primary = owner_.Running(*following_);
  const bool is_cut = network_.IsBlocked(number_, *following_) || network_.IsBlocked(*following_, number_);
  if (primary == nullptr || is_cut) return ConnectLater();
  progress_ = {};
  LogReceiver::Target& target = *this;
  auto link = std::make_unique<LogReceiver>(
      target, cluster::ReplicaIntroduction{.port = 1, .member = MemberOf(static_cast<size_t>(number_))});
  receiver_ = std::make_shared<Port>(network_, clock_, std::move(link), [this](const std::string&) { ConnectLater(); });
  const std::shared_ptr<Wire> wire = network_.Join(number_, *following_);
  primary->Accept(wire);
  receiver_->Open(wire, 0);
}

void ReplicatedNode::ConnectLater() {
  receiver_.reset();
  After(timeline_.Between(50, 1000), &ReplicatedNode::ConnectIfUnconnected);
}

void ReplicatedNode::Accept(std::shared_ptr<Wire> wire) { feeds_.push_back(std::make_unique<Feed>(*this, wire)); }

// --- what the log receiver changes ----------------------------------------------------------------------------------

Result<LogReceiver::Applied> ReplicatedNode::Resume(const std::string& history, uint64_t epoch, Lsn last) {
  promise_.is_newest = false;
  const Result<LogReceiver::Applied> applied = copy_.Resume(history, epoch, last);
  if (!applied) return applied;
  timeline_.Note(number_, "resumes behind LSN " + std::to_string(last) + " at epoch " + std::to_string(epoch));
  return applied;
}

Status ReplicatedNode::BeginSnapshot(std::string_view header) {
  timeline_.Note(number_, "loads a snapshot");
  promise_.last = 0;
  promise_.is_newest = false;
  return copy_.BeginSnapshot(header);
}

Result<LogReceiver::Applied> ReplicatedNode::TakeSection(std::string_view bytes) { return copy_.TakeSection(bytes); }

Status ReplicatedNode::EndSnapshot(const std::string& history, uint64_t epoch, Lsn last) {
  copy_.EndSnapshot(history, epoch, last);
  highest_ = last;
  timeline_.Note(number_, "has a snapshot of LSN " + std::to_string(last) + " at epoch " + std::to_string(epoch));
  ReportState();
  return {};
}

Result<LogReceiver::Applied> ReplicatedNode::TakeFrame(std::string_view bytes) {
  Result<LogReceiver::Applied> applied = copy_.TakeFrame(bytes);
  if (!applied) return applied;
  timeline_.Trace(number_, [&] { return "applies a frame up to LSN " + std::to_string(applied->last); });
  StepLogSoon();
  return applied;
}

Lsn ReplicatedNode::Secure(Lsn last) {
  storage::LogWriter& log = durability_.log();
  if (!log.is_open()) return 0;       // the data set that was loaded is not in the files yet
  if (!history_.IsNamed()) return 0;  // nor would it know which data it is
  while (log.durable() < last && !log.has_failed()) log.Step();
  const Lsn safe = std::min(last, log.durable());
  promise_ = {history_.id(), safe, promise_.epoch, true};
  timeline_.Trace(number_, [&] { return "acknowledges LSN " + std::to_string(safe); });
  return safe;
}

}  // namespace ringkv::test
