// SPDX-License-Identifier: MIT
// Three real members of etcd on free ports, ended with the test.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "tests/support/temp_dir.h"

namespace ringkv::test {

class EtcdMembers {
 public:
  static constexpr size_t kCount = 3;

  // For https: what the members show to clients and want to see of them.
  struct Files {
    std::string authority;
    std::string certificate;
    std::string key;
  };

  // Returns when they have a leader. `files`: of clients and members; nothing: plain HTTP.
  explicit EtcdMembers(std::optional<Files> files = {});
  ~EtcdMembers();
  EtcdMembers(const EtcdMembers&) = delete;
  EtcdMembers& operator=(const EtcdMembers&) = delete;

  // HOST:PORT,HOST:PORT,HOST:PORT
  std::string addresses() const;
  // What the key has; empty if nobody says.
  std::string Value(const std::string& key) const;
  void Signal(size_t member, int signal) const;
  // As after a kill: it finds its data.
  void Start(size_t member);
  void Kill(size_t member);

 private:
  bool HasLeader() const;
  std::string UrlOf(int port) const;
  // A command for the shell that asks one member.
  std::string Curl() const;

  const std::optional<Files> files_;
  TempDir directory_;
  std::array<int, kCount> client_ports_ = {};
  std::array<int, kCount> peer_ports_ = {};
  std::array<pid_t, kCount> pids_ = {};
};

}  // namespace ringkv::test
