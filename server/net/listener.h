// SPDX-License-Identifier: MIT
// Accepts connections, on TCP addresses, on a Unix socket and on the HTTP port, and spreads them over the I/O threads.
//
// Threads: confined to the first I/O thread once started, but for ListenOn and ListenOnTls.
#pragma once

#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/net/io_thread.h"
#include "server/net/listening_socket.h"
#include "server/net/spreading.h"
#include "storage/base/mutex.h"
#include "storage/base/result.h"

namespace ringkv::server {

class Listener {
 public:
  // `threads` must outlive the listener.
  Listener(Server& server, std::vector<std::unique_ptr<IoThread>>& threads) : server_(server), threads_(threads) {}
  ~Listener();

  // Binds the addresses in the options. An error names the address and the reason. With port 0 the port chosen by the
  // system is written back into the options, unless there is a Unix socket: then there is no TCP port.
  storage::Result<bool> Bind();
  void Start();
  // See ClientLinks. By any thread.
  bool ListenOn(const std::optional<std::string>& hosts, std::optional<int64_t> port);
  bool ListenOnTls(int64_t port);
  // Stops accepting and removes the Unix socket.
  void Close();

 private:
  enum class Kind : uint8_t { kTcp, kTls, kUnix, kHttp };
  struct Socket {
    std::unique_ptr<asio::posix::stream_descriptor> descriptor;
    std::unique_ptr<asio::steady_timer> pause;
    Kind kind;
  };

  // Where the Redis protocol is served over TCP.
  struct Places {
    std::string hosts;
    int64_t port = 0;  // 0: nowhere
    bool operator==(const Places&) const = default;
  };
  // The sockets of one port, as ListenOn has left them; `sockets_` follows.
  struct Port {
    Kind kind;
    Places places = {};
    std::vector<int> descriptors = {};
  };

  storage::Result<std::vector<ListeningSocket>> Open(const Places& places, SharedNumber& port);
  storage::Status BindTcp(bool has_unix_socket);
  storage::Status BindTls();
  storage::Status BindHttp();
  void Adopt(std::vector<ListeningSocket> opened, Kind kind);
  bool Move(Port& port, const Places& places) REQUIRES(change_mutex_);
  // Accepts on these instead of the sockets of this kind until now.
  void Replace(std::vector<ListeningSocket> opened, Kind kind);
  void Accept(const std::shared_ptr<Socket>& socket);
  // False if accepting fails although connections wait.
  bool AcceptReady(Socket& socket);
  void WarnOf(int accept_error);
  void Welcome(int descriptor, Kind kind);

  Server& server_;
  std::vector<std::unique_ptr<IoThread>>& threads_;
  std::vector<std::shared_ptr<Socket>> sockets_;
  std::string unix_path_;
  int64_t next_warning_ms_ = 0;
  std::vector<Burden> burdens_;  // of the threads; for Welcome
  storage::Mutex change_mutex_;
  Port plain_ GUARDED_BY(change_mutex_){Kind::kTcp};
  Port tls_ GUARDED_BY(change_mutex_){Kind::kTls};
};

}  // namespace ringkv::server
