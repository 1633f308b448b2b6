// SPDX-License-Identifier: MIT
#include "tests/simulation/replicated_node.h"

#include <algorithm>
#include <map>
#include <utility>

#include "cluster/node_id.h"
#include "cluster/replication/acks.h"
#include "cluster/replication/log_sender.h"
#include "storage/log/log_tail.h"
#include "storage/snapshot/snapshot_stream.h"
#include "tests/simulation/accepting_link.h"

namespace ringkv::test {

using cluster::LogReceiver;
using storage::Lsn;
using storage::Result;
using storage::Status;

// --- to a replica ---------------------------------------------------------------------------------------------------

class ReplicatedNode::Feed final : private cluster::LogSender::Source, private storage::Backlog::Listener {
 public:
  Feed(ReplicatedNode& node, const std::shared_ptr<Wire>& wire) : node_(node) {
    auto link = std::make_unique<AcceptingLink>([this](cluster::FeedRequest request, std::string_view unread) {
      if (!node_.is_primary_) return std::unique_ptr<cluster::LogSender>();
      member_ = request.member;
      return MakeSender(std::move(request), unread);
    });
    port_ = std::make_shared<Port>(node_.network_, node_.clock_, std::move(link), [](const std::string&) {});
    node_.backlog_.AddListener(this);
    port_->Open(wire, 1);
  }
  ~Feed() override { node_.backlog_.RemoveListener(this); }

  Port& port() { return *port_; }
  bool is_online() const { return is_online_ && !port_->has_ended(); }
  const std::string& member() const { return member_; }
  Lsn acknowledged() const { return acknowledged_; }

 private:
  std::unique_ptr<cluster::LogSender> MakeSender(cluster::FeedRequest request, std::string_view unread) {
    cluster::LogSender::Source& source = *this;
    return std::make_unique<cluster::LogSender>(source, std::move(request), unread);
  }
  void FrameArrived() override { port_->Wake(); }

  int64_t timeout_ms() const override { return kTimeoutMs; }
  storage::UnixMs wall_time() const override { return node_.clock_.Now(); }
  uint64_t epoch() override { return node_.history_.epoch(); }
  std::string history_id() override { return node_.history_.id(); }
  bool Holds(const std::string& history, Lsn last) override { return node_.history_.Holds(history, last); }
  Lsn appended() override { return node_.appended(); }
  void Seek(Lsn next) override {
    const std::string directory = node_.durability_.log().is_open() ? kTestFiles.log_directory : "";
    tail_ = std::make_unique<storage::LogTail>(node_.backlog_, node_.disk_, directory, next);
  }
  storage::Backlog::ReadResult Read(size_t most, storage::FrameList* frames) override {
    return tail_->Read(most, frames);
  }
  Lsn next() const override { return tail_->next(); }
  void HurryFrames() override { node_.StepLogSoon(); }
  std::string BeginSnapshot() override {
    snapshot_.emplace(node_.store_, 1);
    const Lsn begun = appended();
    Seek(begun + 1);
    return snapshot_->Header(wall_time(), begun);
  }
  bool NextBlock(std::string* section) override { return snapshot_->NextBlock(section); }
  std::string EndSnapshot(Lsn last) override { return snapshot_->End(last); }
  std::shared_ptr<const std::string> NextPublished(Lsn) override { return nullptr; }
  void NoteSync(bool is_partial) override {
    node_.timeline_.Note(node_.number_, std::string(is_partial ? "resumes" : "sends a snapshot to") + " a replica");
  }
  void NoteOnline() override { is_online_ = true; }
  void NoteAcknowledged(Lsn last) override {
    acknowledged_ = last;
    node_.AnswerWrites();
  }
  void NoteSent(size_t) override {}

  ReplicatedNode& node_;
  std::string member_;
  Lsn acknowledged_ = 0;
  bool is_online_ = false;
  std::unique_ptr<storage::LogTail> tail_;
  std::optional<storage::SnapshotStream> snapshot_;
  std::shared_ptr<Port> port_;
};

// --- its data -------------------------------------------------------------------------------------------------------

class ReplicatedNode::Data final : public cluster::ShardCopy::Data {
 public:
  explicit Data(ReplicatedNode& node) : node_(node) {}

 private:
  using Applied = cluster::ShardCopy::Applied;

  Lsn appended() override { return node_.appended(); }
  bool KeepBacklog() override {
    if (std::exchange(node_.keeps_backlog_, true)) return false;
    node_.durability_.log().Attach(&node_.backlog_);
    return true;
  }
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

storage::StoreOptions OptionsFor(FaultyFileSystem& disk, storage::Chance& chance) {
  const Result<std::optional<uint64_t>> seed = storage::FindHashSeed(disk, kTestFiles);
  const bool is_known = seed && seed->has_value();
  return {.databases = 4, .hash_seed = is_known ? **seed : chance.Next(), .longest_string = 1 << 20};
}

}  // namespace

ReplicatedNode::ReplicatedNode(int number, NodeOwner& owner, Network& network, FaultyFileSystem& disk, Promise& promise)
    : number_(number),
      owner_(owner),
      network_(network),
      timeline_(network.timeline()),
      disk_(disk),
      promise_(promise),
      chance_(timeline_.random().Next()),
      random_(timeline_.random().Next()),
      tick_ms_(timeline_.Between(20, 1500)),
      clock_(timeline_, timeline_.Between(-5000, 5000), timeline_.Between(-20, 20)),
      store_(OptionsFor(disk, chance_), clock_),
      durability_(
          store_, disk, clock_,
          {.data = kTestFiles, .log_file_bytes = uint64_t{1} << timeline_.Between(10, 16), .has_threads = false}),
      history_(disk, chance_, *this),
      backlog_(store_.buffers()),
      follower_(store_),
      data_(std::make_unique<Data>(*this)),
      copy_(history_, *data_) {
  SetSmallLimits(store_.type_limits());
  backlog_.SetLimit(size_t{1} << timeline_.Between(8, 16));
  durability_.SetSyncPolicy(storage::SyncPolicy::kAlways);
}

ReplicatedNode::~ReplicatedNode() {
  feeds_.clear();
  receiver_.reset();
  if (keeps_backlog_) [[maybe_unused]]
    const auto last = durability_.log().Detach(&backlog_);
}

bool ReplicatedNode::Start(bool is_primary) {
  is_primary_ = is_primary;
  if (!is_primary) SetAuthority(storage::Authority::kFollower);
  const Status opened = durability_.Open({}, true, [] { return Status(); });
  if (!opened) {
    if (!disk_.is_dead()) owner_.Violate(number_, "its files can't be loaded: " + opened.error().text);
    return false;
  }
  copy_.Start(is_primary, durability_.recovery().last, store_.log().has_unrecorded());
  timeline_.Note(number_, std::string("starts as a ") + (is_primary ? "primary" : "replica") + " at LSN " +
                              std::to_string(appended()));
  if (history_.history().id() == promise_.history && appended() < promise_.last) {
    owner_.Violate(number_, "it had acknowledged LSN " + std::to_string(promise_.last) + ", and has " +
                                std::to_string(appended()) + " after a restart");
  }
  highest_ = appended();
  copy_.NumberChanges();
  Tick();
  return true;
}

void ReplicatedNode::Tick() {
  if (disk_.is_dead()) return;
  history_.Save();
  durability_.Tick();
  StepLogSoon();
  std::erase_if(feeds_, [](const auto& feed) { return feed->port().has_ended(); });
  timeline_.After(tick_ms_, [node = weak_from_this()] {
    if (const auto alive = node.lock()) alive->Tick();
  });
}

void ReplicatedNode::Disconnect(bool is_noticed) {
  for (const auto& feed : feeds_) feed->port().Close(is_noticed);
  if (receiver_ != nullptr) receiver_->Close(is_noticed);
}

void ReplicatedNode::Warn(const std::string& line) { timeline_.Note(number_, line); }

// --- the log --------------------------------------------------------------------------------------------------------

void ReplicatedNode::StepLogSoon() {
  if (std::exchange(steps_log_, true)) return;
  timeline_.After(timeline_.Percent(2) ? timeline_.Between(0, 300) : timeline_.Between(0, 3),
                  [node = weak_from_this()] {
                    if (const auto alive = node.lock()) alive->StepLog();
                  });
}

void ReplicatedNode::StepLog() {
  steps_log_ = false;
  while (durability_.log().Step()) {
  }
  CheckLsn();
  AnswerWrites();
}

void ReplicatedNode::CheckLsn() {
  if (history_.is_replacing()) return;
  if (appended() < highest_) owner_.Violate(number_, "its LSN runs backwards");
  highest_ = appended();
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
  copy_.BecomePrimary(epoch);
  timeline_.Note(number_, "is promoted at LSN " + std::to_string(appended()) + ", epoch " + std::to_string(epoch));
}

void ReplicatedNode::Connect() {
  if (!following_) return;
  const std::shared_ptr<ReplicatedNode> primary = owner_.Running(*following_);
  const bool is_cut = network_.IsBlocked(number_, *following_) || network_.IsBlocked(*following_, number_);
  if (primary == nullptr || is_cut) return ConnectLater();
  progress_ = {};
  LogReceiver::Target& target = *this;
  auto link = std::make_unique<LogReceiver>(
      target, cluster::ReplicaIntroduction{.port = 1, .member = cluster::NodeIdOf(std::to_string(number_))});
  receiver_ = std::make_shared<Port>(network_, clock_, std::move(link), [this](const std::string&) { ConnectLater(); });
  const std::shared_ptr<Wire> wire = network_.Join(number_, *following_);
  primary->Accept(wire);
  receiver_->Open(wire, 0);
}

void ReplicatedNode::ConnectLater() {
  receiver_.reset();
  timeline_.After(timeline_.Between(50, 1000), [node = weak_from_this()] {
    const auto alive = node.lock();
    if (alive != nullptr && alive->receiver_ == nullptr) alive->Connect();
  });
}

void ReplicatedNode::Accept(std::shared_ptr<Wire> wire) { feeds_.push_back(std::make_unique<Feed>(*this, wire)); }

// --- clients --------------------------------------------------------------------------------------------------------

template <typename Change>
void ReplicatedNode::Do(Change&& change) {
  storage::Txn txn(store_, clock_.Now(), random_);
  change(txn);
  StepLogSoon();
}

void ReplicatedNode::Write(const std::string& key, uint64_t number) {
  Do([&](storage::Txn& txn) {
    txn.LockKey(key);
    storage::Place place = txn.Find(0, key, storage::Intent::kWrite);
    txn.Do(place, storage::StringPut{std::to_string(number)}, storage::events::kNone);
    txn.Unlock();
  });
  pending_.push_back({appended(), key, number});
}

void ReplicatedNode::ChangeSomething() {
  const std::string key = "other:" + std::to_string(random_.Below(60));
  Do([&](storage::Txn& txn) {
    const auto db = static_cast<storage::DbIndex>(random_.Below(4));
    const uint64_t kind = random_.Below(40);
    if (kind == 0 && db != 0) {
      txn.LockAll();
      txn.FlushDatabase(db);
      return txn.Unlock();
    }
    txn.LockKey(key);
    storage::Place place = txn.Find(db, key, storage::Intent::kWrite);
    if (kind < 10) {
      if (place) txn.Do(place, storage::Erase{}, storage::events::kNone);
    } else if (kind < 20) {
      txn.Do(place, storage::StringPut{std::string(random_.Below(kind == 19 ? 5000 : 50), 'v')},
             storage::events::kNone);
    } else {
      if (place && place.entry().type() == storage::ValueType::kString) {
        txn.Do(place, storage::Erase{}, storage::events::kNone);
      }
      ChangeCollection(txn, place, random_);
    }
    txn.Unlock();
  });
}

void ReplicatedNode::AnswerWrites() {
  if (pending_.empty()) return;
  std::vector<cluster::MemberAck> acks;
  for (const auto& feed : feeds_) {
    if (feed->is_online()) acks.push_back({feed->member(), feed->acknowledged()});
  }
  const Lsn quorum = cluster::QuorumLsn(cluster::BestOfEachMember(acks), owner_.nodes(), appended());
  const Lsn sure = std::min(quorum, durability_.log().durable());
  const auto first_unsure =
      std::find_if(pending_.begin(), pending_.end(), [&](const PendingWrite& write) { return write.lsn > sure; });
  for (auto write = pending_.begin(); write != first_unsure; ++write)
    owner_.NoteAcknowledged(write->key, write->number);
  pending_.erase(pending_.begin(), first_unsure);
}

Model ReplicatedNode::Contents() {
  storage::Txn txn(store_, clock_.Now(), random_);
  return ContentsOf(store_, txn);
}

// --- what the log receiver changes ----------------------------------------------------------------------------------

Result<LogReceiver::Applied> ReplicatedNode::Resume(const std::string& history, uint64_t epoch, Lsn last) {
  const LogReceiver::Applied applied = copy_.Resume(history, epoch, last);
  timeline_.Note(number_, "resumes behind LSN " + std::to_string(last) + " at epoch " + std::to_string(epoch));
  return applied;
}

Status ReplicatedNode::BeginSnapshot(std::string_view header) {
  timeline_.Note(number_, "loads a snapshot");
  promise_ = {};
  return copy_.BeginSnapshot(header);
}

Result<LogReceiver::Applied> ReplicatedNode::TakeSection(std::string_view bytes) {
  return copy_.TakeSection(bytes);
}

Status ReplicatedNode::EndSnapshot(const std::string& history, uint64_t epoch, Lsn last) {
  copy_.EndSnapshot(history, epoch, last);
  highest_ = last;
  timeline_.Note(number_, "has a snapshot of LSN " + std::to_string(last) + " at epoch " + std::to_string(epoch));
  return {};
}

Result<LogReceiver::Applied> ReplicatedNode::TakeFrame(std::string_view bytes) {
  Result<LogReceiver::Applied> applied = copy_.TakeFrame(bytes);
  if (applied) StepLogSoon();
  return applied;
}

Lsn ReplicatedNode::Secure(Lsn last) {
  storage::LogWriter& log = durability_.log();
  if (!log.is_open()) return 0;  // the data set that was loaded is not in the files yet
  while (log.durable() < last && !log.has_failed()) log.Step();
  const Lsn safe = std::min(last, log.durable());
  promise_ = {history_.id(), safe};
  return safe;
}

}  // namespace ringkv::test
