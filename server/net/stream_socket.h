// SPDX-License-Identifier: MIT
// A connected socket that waits in Asio's reactor without a system call.
//
// Asio's own operations cost a second system call per request (see docs/decisions/002-own-reactor-operation.md): each
// wait is registered with epoll anew, and a read tries to receive once more after each success. The reactor needs
// neither: an operation that reports that it is exhausted stays quiet until the next event. So this class gives two
// operations of its own to Asio's reactor, "readable" and "writable", which are members and allocate nothing. It is the
// only code that uses names of asio::detail.
//
// Events are edge-triggered: the owner receives until it gets less than requested, or waits again before.
//
// Lifetime: a socket may be destroyed at any time, also by its owner's callback. A cancelled wait completes later,
// through Asio's queue; its memory outlives the socket until then.
//
// Threads: confined.
#pragma once

#include <sys/types.h>

#include <asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "transport/channel.h"

namespace ringkv::server {

class StreamSocket {
 public:
  class Owner {
   public:
    virtual void OnReadable() = 0;
    virtual void OnWritable() = 0;

   protected:
    ~Owner() = default;
  };

  // `context` and `owner` must outlive the socket.
  StreamSocket(asio::io_context& context, transport::Channel channel, Owner& owner);
  ~StreamSocket();
  StreamSocket(const StreamSocket&) = delete;
  StreamSocket& operator=(const StreamSocket&) = delete;

  // At most one wait of each kind is active; repeated calls have no effect.
  void WaitReadable();
  void WaitWritable();
  // Like recv and send: errno has the reason for -1.
  ssize_t Receive(char* room, size_t size) { return channel_.Receive(room, size); }
  ssize_t Send(const char* bytes, size_t size) { return channel_.Send(bytes, size); }
  // From now on all goes through this session, which is over this socket's descriptor.
  void Begin(std::unique_ptr<transport::TlsSession> session) { channel_.Begin(std::move(session)); }
  // Null if it is plain.
  transport::TlsSession* session() { return channel_.session(); }
  // Has the peer's system probed after this long without traffic, in whole seconds, one at least.
  void ProbeAfter(int64_t ms);
  // Whether the peer's system has missed three probes in a row on top of this time.
  bool IsCutOffFor(int64_t ms) const;

  // Closes the sending half.
  void ShutdownSending() { channel_.ShutdownSending(); }
  // Ends all waits without calling the owner.
  void Close();
  // Ends all waits without calling the owner, and passes the channel to the caller.
  transport::Channel Release();

 private:
  struct Registration;  // state of Asio's reactor

  void Detach(bool is_closed_next);

  transport::Channel channel_;
  int probe_seconds_ = 0;
  std::shared_ptr<Registration> registration_;
};

}  // namespace ringkv::server
