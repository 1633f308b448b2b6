// SPDX-License-Identifier: MIT
// A node's connection from a replica, in a simulation.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/replication/log_sender.h"
#include "storage/log/log_tail.h"
#include "storage/snapshot/snapshot_stream.h"
#include "tests/simulation/accepting_link.h"
#include "tests/simulation/network.h"
#include "tests/simulation/replicated_node.h"

namespace ringkv::test {

class ReplicatedNode::Feed final : private cluster::LogSender::Source, private storage::Backlog::Listener {
 public:
  Feed(ReplicatedNode& node, const std::shared_ptr<Wire>& wire) : node_(node) {
    auto link = std::make_unique<AcceptingLink>(
        [this](const std::vector<std::string>& words, std::string_view unread) { return Serve(words, unread); });
    port_ = std::make_shared<Port>(node_.network_, node_.clock_, std::move(link), [](const std::string&) {});
    node_.backlog_.AddListener(this);
    port_->Open(wire, 1);
  }
  ~Feed() override { node_.backlog_.RemoveListener(this); }

  Port& port() { return *port_; }
  bool is_online() const { return is_online_ && !port_->has_ended(); }
  const std::string& member() const { return member_; }
  storage::Lsn acknowledged() const { return acknowledged_; }

 private:
  AcceptingLink::Outcome Serve(const std::vector<std::string>& words, std::string_view unread) {
    if (words[0] != "PSYNC") return {"+OK\r\n"};
    if (!node_.is_primary_) return {"-NOMASTERLINK this node is no primary\r\n"};
    cluster::FeedRequest request{{words[1]}, std::stoull(words[2]), words[3]};
    for (size_t i = 5; i < words.size(); ++i) request.histories.push_back(words[i]);
    member_ = request.member;
    cluster::LogSender::Source& source = *this;
    return {.link = std::make_unique<cluster::LogSender>(source, std::move(request), unread)};
  }
  void FrameArrived() override { port_->Wake(); }

  int64_t timeout_ms() const override { return kTimeoutMs; }
  storage::UnixMs wall_time() const override { return node_.clock_.Now(); }
  uint64_t epoch() override { return node_.history_.epoch(); }
  std::string history_id() override { return node_.history_.id(); }
  std::optional<storage::Lsn> EndOf(const std::string& history) override { return node_.history_.EndOf(history); }
  bool Holds(const std::string& history, storage::Lsn last) override { return node_.history_.Holds(history, last); }
  storage::Lsn appended() override { return node_.appended(); }
  void Seek(storage::Lsn next) override {
    const std::string directory = node_.durability_.log().is_open() ? kTestFiles.log_directory : "";
    tail_ = std::make_unique<storage::LogTail>(node_.backlog_, node_.disk_, directory, next);
  }
  storage::Backlog::ReadResult Read(size_t most, storage::FrameList* frames) override {
    return tail_->Read(most, frames);
  }
  storage::Lsn next() const override { return tail_->next(); }
  void HurryFrames() override { node_.StepLogSoon(); }
  std::string BeginSnapshot() override {
    snapshot_.emplace(node_.store_, 1, node_.block_bytes_);
    const storage::Lsn begun = appended();
    Seek(begun + 1);
    return snapshot_->Header(wall_time(), begun);
  }
  bool NextBlock(std::string* section) override { return snapshot_->NextBlock(section); }
  std::string EndSnapshot(storage::Lsn last) override { return snapshot_->End(last); }
  std::shared_ptr<const std::string> NextPublished(storage::Lsn) override { return nullptr; }
  void NoteSync(bool is_partial) override {
    node_.timeline_.Note(node_.number_, std::string(is_partial ? "resumes" : "sends a snapshot to") + " a replica");
  }
  void NoteOnline() override { is_online_ = true; }
  void NoteAcknowledged(storage::Lsn last) override {
    acknowledged_ = last;
    node_.timeline_.Trace(node_.number_, [&] { return "hears that " + member_ + " has LSN " + std::to_string(last); });
    node_.Answer();
  }
  void NoteSent(size_t) override {}

  ReplicatedNode& node_;
  std::string member_;
  storage::Lsn acknowledged_ = 0;
  bool is_online_ = false;
  std::unique_ptr<storage::LogTail> tail_;
  std::optional<storage::SnapshotStream> snapshot_;
  std::shared_ptr<Port> port_;
};

}  // namespace ringkv::test
