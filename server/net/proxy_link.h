// SPDX-License-Identifier: MIT
// A connection to another node over which requests of clients are passed on, many at a time.
//
// Threads: confined to one I/O thread; it connects in a thread of its own, because names have to be looked up.
#pragma once

#include <asio/io_context.hpp>
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "resp/buffer.h"
#include "resp/reply_scanner.h"
#include "server/net/passed_request.h"
#include "server/net/stream_socket.h"
#include "server/node_link/link_socket.h"

namespace ringkv::server {

class Server;

class ProxyLink final : private StreamSocket::Owner {
 public:
  // Told what has come, and what will never come.
  class Owner {
   public:
    virtual void Answered(PassedRequest request, std::string reply) = 0;
    // How long the reply may be, in bytes. A longer one is read, but not kept.
    virtual size_t MostReplyBytes(const PassedRequest& request) = 0;
    virtual void AnsweredTooLong(PassedRequest request) = 0;
    // `was_sent`: whether it was executed is open.
    virtual void Lost(PassedRequest request, bool was_sent, const std::string& why) = 0;
    virtual void FlushLater(ProxyLink* link) = 0;

   protected:
    ~Owner() = default;
  };

  // The references must outlive the link; requests that wait for a reply when it is destroyed are forgotten. `context`:
  // of the thread. `protocol`: of the replies, 2 or 3. `reads_replica`: the node is a replica, and is only read from.
  ProxyLink(asio::io_context& context, Server& server, Owner& owner, std::string host, int port, int protocol,
            bool reads_replica);
  ~ProxyLink();

  void Send(PassedRequest request);
  // What was to be sent leaves.
  void Flush();
  // Called some times a second. `has_failed`: whether the node answers nobody. Gives up if it does so for
  // cluster-node-timeout, or its system does, or a reply that has begun comes too slowly. While it does so, and could
  // not be connected to, requests are lost at once.
  void Tick(int64_t now_ms, const std::function<bool()>& has_failed);
  // When it was used last.
  int64_t last_used_ms() const { return last_used_ms_; }
  // Nothing waits for a reply over it.
  bool is_idle() const { return waiting_.empty(); }
  // How long the first that waits has done so.
  int64_t WaitingMs(int64_t now_ms) const { return is_idle() ? 0 : now_ms - waits_since_ms_; }
  // Bytes that the node hasn't taken yet.
  size_t unsent_bytes() const { return output_.size(); }

 private:
  enum class State : uint8_t { kClosed, kConnecting, kUp };

  void OnReadable() override;
  void OnWritable() override;
  void Connect();
  // In the connector's thread: a channel over which requests may be sent.
  storage::Result<transport::Channel> ConnectAndShakeHands();
  void ConnectInThread();
  // The connection is there, or could not be made.
  void Connected(transport::Channel channel, const std::string& why);
  void Close(const std::string& why);
  void ReadLater();
  void TakeReplies();
  // Drops what has come of the reply under way if it is longer than it may be.
  void DropTooLong();
  bool IsTooSlow(int64_t now_ms) const;

  asio::io_context& context_;
  Server& server_;
  Owner& owner_;
  const std::string host_;
  const int port_;
  const int protocol_;
  const bool reads_replica_;

  State state_ = State::kClosed;
  std::unique_ptr<StreamSocket> socket_;
  resp::Buffer output_;
  resp::Buffer input_;
  resp::ReplyScanner scanner_;
  std::deque<PassedRequest> waiting_;
  size_t replies_taken_ = 0;  // of the first that waits
  bool drops_reply_ = false;  // that is under way
  int64_t begun_ms_ = 0;      // when it began; 0: nothing of it has come
  size_t begun_bytes_ = 0;    // that have come since
  bool is_writing_ = false;
  bool will_flush_ = false;
  int64_t last_used_ms_ = 0;
  int64_t waits_since_ms_ = 0;  // for the next reply

  std::string connect_error_;     // of the last attempt; empty: it succeeded, or there was none
  bool is_known_failed_ = false;  // the node, since that attempt

  std::atomic<bool> stopping_{false};
  LinkSocket connecting_;
  std::shared_ptr<bool> life_ = std::make_shared<bool>(true);  // for what the connector posts
  std::thread connector_;
};

}  // namespace ringkv::server
