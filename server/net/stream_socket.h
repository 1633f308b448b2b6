// SPDX-License-Identifier: MIT
// A connected socket that waits for its turn in Asio's reactor at no system call.
//
// Asio's own operations cost each request a second call (see docs/decisions/002-own-reactor-operation.md): a wait is
// announced to epoll anew each time, and a read tries to receive once more after each success. The reactor underneath
// needs neither: an operation that reports itself exhausted stays quiet until the next event. So this class hands two
// operations of its own to Asio's reactor, "readable" and "writable", which live inside of it and allocate nothing.
// It is the only place that uses names of asio::detail.
//
// Events come once: the owner receives until it gets less than it asked for, or waits again before all is taken.
//
// Threads: confined.
#pragma once

#include <sys/types.h>

#include <asio/io_context.hpp>
#include <cstddef>
#include <memory>

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

  // Takes over a connected, non-blocking descriptor. `context` and `owner` must outlive the socket.
  StreamSocket(asio::io_context& context, int descriptor, Owner& owner);
  ~StreamSocket();
  StreamSocket(const StreamSocket&) = delete;
  StreamSocket& operator=(const StreamSocket&) = delete;

  // At most one wait of each kind is under way; asking again is harmless.
  void WaitReadable();
  void WaitWritable();
  // As recv and send: errno tells why on -1.
  ssize_t Receive(char* room, size_t size);
  ssize_t Send(const char* bytes, size_t size);

  // Tells the peer that nothing more will come.
  void ShutdownSending();
  // Ends all waits without calling the owner.
  void Close();
  // Likewise, but the descriptor stays open: it is the caller's now.
  int Release();
  // No wait refers to the socket any more: it may be destroyed.
  bool is_idle() const;

 private:
  struct Registration;  // what belongs to Asio's reactor

  int Detach(bool is_closed_next);

  int descriptor_;
  std::unique_ptr<Registration> registration_;
};

}  // namespace ringkv::server
