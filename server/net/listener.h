// SPDX-License-Identifier: MIT
// Accepts connections, on TCP addresses, on a Unix socket and on the HTTP port, and spreads them over the I/O threads.
//
// Threads: confined to the first I/O thread once started.
#pragma once

#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "server/net/io_thread.h"
#include "storage/base/result.h"

namespace ringkv::server {

class Listener {
 public:
  // `threads` must outlive the listener.
  Listener(Server& server, std::vector<std::unique_ptr<IoThread>>& threads) : server_(server), threads_(threads) {}
  ~Listener();

  // Binds the addresses in the options. An error names the address and the reason. With port 0 the port chosen by the
  // system is written back into the options.
  storage::Result<bool> Bind();
  void Start();
  // Stops accepting and removes the Unix socket.
  void Close();

 private:
  enum class Kind : uint8_t { kTcp, kUnix, kHttp };
  struct Socket {
    std::unique_ptr<asio::posix::stream_descriptor> descriptor;
    std::unique_ptr<asio::steady_timer> pause;
    Kind kind;
  };

  // Binds all addresses in `hosts`. False if none is available.
  storage::Result<bool> BindAll(const std::string& hosts, SharedNumber& port, Kind kind);
  storage::Result<bool> BindTcp(const std::string& host, SharedNumber& port, Kind kind, bool is_optional);
  storage::Result<bool> BindUnix(const std::string& path);
  void Adopt(int descriptor, Kind kind);
  void Accept(Socket& socket);
  // False if accepting fails although connections wait.
  bool AcceptReady(Socket& socket);
  void WarnOf(int accept_error);
  void Welcome(int descriptor, Kind kind);

  Server& server_;
  std::vector<std::unique_ptr<IoThread>>& threads_;
  std::vector<std::unique_ptr<Socket>> sockets_;
  std::string unix_path_;
  int64_t next_warning_ms_ = 0;
};

}  // namespace ringkv::server
