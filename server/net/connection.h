// SPDX-License-Identifier: MIT
// A client's socket: reads requests, has them executed, sends replies.
//
// Back pressure: while more than client-output-pause-bytes of replies wait to be read by the client, its further
// requests wait unexecuted and nothing more is read from it. So what a client can make the server hold is bounded by
// one input buffer, the mark, and its largest single reply.
//
// Lifetime: owned by its IoThread. Close forgets the socket at once; the object goes when no asynchronous operation
// refers to it any more (is_idle).
//
// Threads: confined.
#pragma once

#include <asio/generic/stream_protocol.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "resp/buffer.h"
#include "resp/reply_writer.h"
#include "resp/request_parser.h"
#include "server/net/io_thread.h"
#include "server/session/session.h"

namespace ringkv::server {

class Connection {
 public:
  Connection(IoThread& thread, int descriptor, std::shared_ptr<ClientCard> card);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void Start();
  // Sends what can be sent now; the rest when the socket takes more.
  void Flush();
  // Appends bytes that no request asked for.
  void Push(const std::string& bytes);
  void Close();
  // Goes on after a pause.
  void Resume();
  // Called some times a second. False when the connection has run into a limit and is to be closed.
  bool Tick(int64_t now_ms);

  uint64_t id() const { return session_.card->id; }
  bool is_idle() const { return operations_ == 0; }
  bool is_paused() const { return is_paused_; }

 private:
  void Read();
  void OnRead(std::error_code error, size_t bytes);
  void Serve();
  // Executes one request; false when serving has to stop.
  bool ServeRequest(resp::RequestLimits& limits);
  void WaitUntilWritable();
  void ReplyProtocolError();
  void MarkForFlush();
  bool OutputExceedsLimit(int64_t now_ms);
  void UpdateCard();
  size_t pause_mark() const;

  IoThread& thread_;
  Server& server_;
  asio::generic::stream_protocol::socket socket_;
  Session session_;
  resp::Buffer input_;
  resp::Buffer output_;
  resp::RequestParser parser_;
  resp::ReplyWriter reply_;
  size_t read_size_;
  int operations_ = 0;            // asynchronous operations under way
  bool is_reading_ = false;
  bool is_writing_ = false;       // waits until the socket takes more
  bool is_closed_ = false;
  bool is_paused_ = false;        // by CLIENT PAUSE: the next request waits
  bool is_full_ = false;          // by its own unread replies
  bool will_flush_ = false;
  bool shrinking_ = false;        // the read under way was cancelled to give its buffer back
  int64_t last_read_ms_ = 0;
  int64_t over_soft_limit_since_ms_ = 0;
};

}  // namespace ringkv::server
