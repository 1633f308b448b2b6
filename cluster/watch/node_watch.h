// SPDX-License-Identifier: MIT
// Whether the other nodes of the cluster are there, and how they want to be shown: asks each about once a second over a
// connection that stays open. A node has failed when it has not answered for cluster-node-timeout, for whatever reason;
// a refusal is an answer, what is neither that nor news is none.
//
// Each node decides for itself, without a vote of others. The consequence is that requests are refused
// (cluster-require-full-coverage); nobody is promoted because of it.
//
// Threads: confined to the pump's.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/link/link.h"
#include "cluster/link/question_link.h"
#include "cluster/link/silence.h"
#include "cluster/watch/node_news.h"
#include "storage/base/result.h"

namespace ringkv::cluster {

class NodeWatch {
 public:
  struct Address {
    std::string name;
    std::string host;
    int port = 0;
    bool operator==(const Address&) const = default;
  };

  // Who connects, and is told.
  class Owner {
   public:
    virtual int64_t timeout_ms() const = 0;                       // cluster-node-timeout
    virtual std::vector<std::string> authentication() const = 0;  // AUTH; empty: none
    // Connects the link. NoteEnd tells when that was in vain, or the connection has ended; not before this returns.
    virtual void Connect(const Address& to, Link& link) = 0;
    // Closes the connection of the link, which goes.
    virtual void Close(Link& link) = 0;
    // `why`: the last connection ended so; empty if it did not.
    virtual void NoteFailure(const std::string& name, bool has_failed, const std::string& why) = 0;
    // It does not let this node in. Called once for each reason.
    virtual void NoteRefusal(const std::string& name, const std::string& why) = 0;
    // It answers with another error, for now. Called once for each.
    virtual void NoteError(const std::string& name, const std::string& error) = 0;

   protected:
    ~Owner() = default;
  };

  // `owner` must outlive the object.
  explicit NodeWatch(Owner& owner) : owner_(owner) {}

  // The other nodes from now on.
  void Watch(const std::vector<Address>& nodes, int64_t now);
  // Does what is due.
  void Work(int64_t now);
  int64_t wake_at() const;
  void NoteEnd(Link& link, const storage::Error& why);

  // By name.
  std::map<std::string, NodeNews> news() const;

 private:
  class Peer final : private QuestionLink::Asker {
   public:
    Peer(Owner& owner, Address address, int64_t now);
    ~Peer();
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    void Ask(int64_t now);
    // Whether it has failed.
    void Judge(int64_t now);
    // When to judge; INT64_MAX if only an answer can change it.
    int64_t fails_at() const;
    // False if the link isn't this one's.
    bool NoteEnd(const Link& link, const storage::Error& why);
    const Address& address() const { return address_; }
    const NodeNews& news() const { return news_; }

   private:
    // The connection may have died: there is time for another one before the node has failed, and for its failure to
    // say why.
    int64_t timeout_ms() const override { return owner_.timeout_ms() / 2; }
    storage::Status NoteAnswer(std::string_view line, int64_t now) override;
    void NoteRefusal(const std::string& why, int64_t now) override;
    void NoteSign(int64_t now);
    // True if the last answer was another one. Empty: without an error.
    bool IsNewError(const std::string& error);

    Owner& owner_;
    const Address address_;
    std::unique_ptr<QuestionLink> link_;  // null: to be made
    Silence silence_;
    NodeNews news_;
    std::string error_;  // of the last answer; empty if it had none
    std::string ended_;  // why the last connection has; empty if it has answered since
  };

  Owner& owner_;
  std::map<std::string, std::unique_ptr<Peer>> peers_;  // by name
  int64_t round_at_ms_ = INT64_MIN;                     // when all are asked again
};

}  // namespace ringkv::cluster
