// SPDX-License-Identifier: MIT
// A client of this node whose requests go to another one, byte by byte, and the replies back: since that node has
// become the primary in place of this one, and the client has not heard of it yet. A state machine between two
// connections.
//
// First the node is told who the client is, and what it has asked for; nothing that the client sends goes there before
// the node has agreed. Then bytes pass unchanged. The end is the same whoever wants it: no more requests are taken, but
// for the rest of one that has begun; the node is told that none will follow, and its replies go to the client until it
// ends. So each request that was taken is executed, and each reply arrives where somebody reads it.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "resp/buffer.h"
#include "resp/reply_scanner.h"
#include "storage/base/result.h"

namespace ringkv::cluster {

class RelayedClient {
 public:
  struct Opening {
    std::string introduction = {};  // requests of this node, each of which must be agreed to
    size_t introductions = 0;       // how many
    std::string requests = {};      // of the client, without an answer yet
    size_t answered = 0;            // the first so many of them have one, and the node's is dropped
  };

  explicit RelayedClient(Opening opening);

  // --- the node ---
  // An error: it does not agree, or what it sends is no reply.
  storage::Status FromNode(std::string_view bytes);
  std::string_view ToNode() const { return to_node_.Readable(); }
  void SentToNode(size_t count);
  // Whether more may be received from it: the client reads what has come.
  bool TakesFromNode() const { return !has_ended_replies_ && to_client_.size() < kMostWaiting; }
  // It is not the primary yet. Ask it again after a moment.
  bool is_to_ask_again() const { return is_too_early_; }
  void AskAgain();

  // --- the client ---
  void FromClient(std::string_view bytes);
  std::string_view ToClient() const { return to_client_.Readable(); }
  void SentToClient(size_t count);
  bool TakesFromClient() const {
    const bool wants_more = !has_ended_requests_ || (is_amid_request_ && !is_client_lost_);
    return wants_more && to_node_.size() + held_.size() < kMostWaiting;
  }

  // The node has agreed, so requests of the client may have been executed.
  bool has_begun() const { return introductions_ == 0; }

  // --- the end ---
  // The client sends no more, or its time is over.
  void EndRequests() { has_ended_requests_ = true; }
  // The client takes no replies any more; what it has asked for is asked nevertheless.
  void LoseClient();
  // Whether the node has got all: it is to be told that nothing will follow.
  bool HasSentAll() const {
    return has_begun() && has_ended_requests_ && to_node_.empty() && (!is_amid_request_ || is_client_lost_);
  }
  // The node has ended. `to_unanswered`: the reply to a request that has none, as one that waits for keys; empty: the
  // client gets none.
  void EndReplies(std::string_view to_unanswered);
  bool IsOver() const { return has_ended_replies_ && to_client_.empty(); }

 private:
  static constexpr size_t kMostWaiting = size_t{256} * 1024;

  // Finds the ends of values in a stream of which only the unfinished part is kept.
  class Counter {
   public:
    // How many values have ended. -1: these are none.
    int64_t Take(std::string_view bytes);
    bool is_amid_value() const { return is_amid_value_; }

   private:
    resp::Buffer kept_;
    resp::ReplyScanner scanner_;
    bool is_push_ = false;  // the value under way, which answers nothing
    bool is_amid_value_ = false;
  };

  void Begin();
  storage::Status TakeAgreement(std::string_view reply);
  void CountRequests(std::string_view bytes);
  void PassToClient(std::string_view bytes);

  Opening opening_;
  size_t introductions_;  // without an answer
  bool is_too_early_ = false;
  size_t to_drop_;          // replies
  resp::Buffer held_;       // from the client, until the node has agreed
  resp::Buffer from_node_;  // until the client's replies begin
  resp::ReplyScanner scanner_;
  resp::Buffer to_node_;
  resp::Buffer to_client_;

  Counter requests_;
  Counter replies_;
  int64_t open_ = 0;  // requests without a reply
  bool is_amid_request_ = false;
  bool is_counting_ = true;  // as long as each request has one reply

  bool has_ended_requests_ = false;
  bool has_ended_replies_ = false;
  bool is_client_lost_ = false;
};

}  // namespace ringkv::cluster
