// SPDX-License-Identifier: MIT
#include "tests/support/etcd_members.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "storage/base/base64.h"
#include "tests/support/free_ports.h"

namespace ringkv::test {

std::string EtcdMembers::UrlOf(int port) const {
  return (files_ ? "https" : "http") + ("://127.0.0.1:" + std::to_string(port));
}

std::string EtcdMembers::Curl() const {
  const std::string files =
      files_ ? " --cacert " + files_->authority + " --cert " + files_->certificate + " --key " + files_->key : "";
  return "curl -s -m 2" + files + " ";
}

EtcdMembers::EtcdMembers(std::optional<Files> files) : files_(std::move(files)) {
  const std::vector<int> ports = FreePorts(2 * kCount);
  for (size_t i = 0; i < kCount; ++i) {
    client_ports_[i] = ports[i];
    peer_ports_[i] = ports[kCount + i];
  }
  for (size_t i = 0; i < kCount; ++i) Start(i);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!HasLeader() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

EtcdMembers::~EtcdMembers() {
  for (size_t i = 0; i < kCount; ++i) Kill(i);
}

std::string EtcdMembers::addresses() const {
  std::string text;
  for (const int port : client_ports_) text += (text.empty() ? "" : ",") + ("127.0.0.1:" + std::to_string(port));
  return text;
}

void EtcdMembers::Signal(size_t member, int signal) const {
  if (pids_[member] > 0) ::kill(pids_[member], signal);
}

void EtcdMembers::Kill(size_t member) {
  if (pids_[member] <= 0) return;
  ::kill(pids_[member], SIGKILL);
  ::waitpid(pids_[member], nullptr, 0);
  pids_[member] = 0;
}

void EtcdMembers::Start(size_t member) {
  const auto name_of = [](size_t i) { return "m" + std::to_string(i); };
  std::string all;
  const auto peer_of = [this](size_t i) { return "http://127.0.0.1:" + std::to_string(peer_ports_[i]); };
  for (size_t i = 0; i < kCount; ++i) all += (i == 0 ? "" : ",") + name_of(i) + "=" + peer_of(i);
  const std::string client = UrlOf(client_ports_[member]);
  const std::string peer = peer_of(member);
  const std::string data = directory_.Path(name_of(member));
  std::vector<std::string> words = {"etcd",
                                    "--name",
                                    name_of(member),
                                    "--data-dir",
                                    data,
                                    "--listen-client-urls",
                                    client,
                                    "--advertise-client-urls",
                                    client,
                                    "--listen-peer-urls",
                                    peer,
                                    "--initial-advertise-peer-urls",
                                    peer,
                                    "--initial-cluster",
                                    all};
  if (files_) {
    words.insert(words.end(), {"--client-cert-auth", "--trusted-ca-file", files_->authority, "--cert-file",
                               files_->certificate, "--key-file", files_->key});
  }
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const std::string log = data + ".log";
  const pid_t parent = ::getpid();
  pids_[member] = ::fork();
  if (pids_[member] != 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  ::dup2(output, 1);
  ::dup2(output, 2);
  ::execvp(argv[0], argv.data());
  ::_exit(127);
}

std::string EtcdMembers::Value(const std::string& key) const {
  const std::string url = UrlOf(client_ports_[kCount - 1]) + "/v3/kv/range";
  const std::string command =
      Curl() + "-d '{\"key\":\"" + storage::EncodeBase64(key) + "\"}' " + url + " | grep -o '\"value\":\"[^\"]*'";
  FILE* const output = ::popen(command.c_str(), "r");
  char text[4096] = {};
  const size_t read = ::fread(text, 1, sizeof text - 1, output);
  ::pclose(output);
  std::string_view found(text, read);
  constexpr std::string_view kBegin = "\"value\":\"";
  if (!found.starts_with(kBegin)) return {};
  found.remove_prefix(kBegin.size());
  while (!found.empty() && found.back() == '\n') found.remove_suffix(1);
  return storage::DecodeBase64(found).value_or("");
}

bool EtcdMembers::HasLeader() const {
  const std::string command = Curl() + UrlOf(client_ports_[0]) + "/health | grep -q '\"true\"'";
  return std::system(command.c_str()) == 0;
}

}  // namespace ringkv::test
