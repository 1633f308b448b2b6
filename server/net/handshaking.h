// SPDX-License-Identifier: MIT
// A client that has connected to a port with TLS, until its handshake is done: then its channel becomes a connection of
// its kind. It is in the directory of clients meanwhile, can be closed as all others, and counts for maxclients.
//
// A step of a handshake may cost a signature, a hundred times as much as a command. So the event of the socket only
// puts the client in the thread's queue (IoThread::ShakeLater), of which each round takes what fits into its time. One
// that says nothing costs its socket only: the session begins with its first byte, and ends by tls-handshake-timeout.
//
// Threads: confined.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "server/net/client_connection.h"
#include "server/net/io_thread.h"
#include "server/net/stream_socket.h"
#include "storage/base/buffer_memory.h"

namespace ringkv::server {

class Handshaking final : public ClientConnection, private StreamSocket::Owner {
 public:
  // `refusal`: what the client is told when it can read it, instead of being served; empty if it is let in.
  Handshaking(IoThread& thread, transport::Channel channel, std::shared_ptr<ClientCard> card, std::string refusal);

  void Start() override { socket_.WaitReadable(); }
  void Close() override;
  // The next step of the handshake.
  void Resume() override;
  bool Tick(int64_t now_ms) override;
  bool MoveTo(IoThread&) override { return false; }

  uint64_t id() const override { return card_->id; }
  bool is_paused() const override { return false; }

  // Nothing of a client that is served comes here.
  void Flush() override {}
  void Push(const std::string&) override {}
  void PushMessage(std::string_view) override {}
  void Release() override {}
  std::optional<int64_t> CheckReplicas(int64_t) override { return std::nullopt; }
  void Unblock(bool) override {}
  void EndKeyWait(int64_t) override {}
  void TakeAnswer(const LateAnswer&) override {}
  void TakeReply(uint64_t, std::string, storage::Lsn) override {}
  size_t MostReplyBytes() const override { return 0; }
  void CountReplyPart(uint64_t, size_t) override {}
  void RefuseReply(uint64_t) override {}
  void AppendLost(std::string_view, ReplyGate::Form, bool) override {}

 private:
  void OnReadable() override;
  void OnWritable() override;
  void ShakeLater();
  // False if there is no TLS any more, or no memory.
  bool BeginSession();
  void BecomeClient();
  void Fail();

  IoThread& thread_;
  StreamSocket socket_;
  const std::shared_ptr<ClientCard> card_;
  const std::string refusal_;
  storage::BufferMemory::Share memory_;
  bool is_queued_ = false;
  bool is_closed_ = false;
};

}  // namespace ringkv::server
