// SPDX-License-Identifier: MIT
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>

#include "cluster_admin/jobs.h"
#include "cluster_admin/node_client.h"
#include "cluster_admin/node_users.h"
#include "storage/disk/secret_file.h"

namespace ringkv::cluster_admin {
namespace {

namespace fs = std::filesystem;
using cluster::Node;
using storage::Fail;
using storage::Result;
using storage::Status;

constexpr auto kLongestStart = std::chrono::seconds(30);
constexpr auto kStartNap = std::chrono::milliseconds(20);

std::string ConfigFor(const CreateOptions& options) {
  std::string text = "epoch 1\n";
  for (int shard = 1; shard <= options.shards; ++shard) text += "shard s" + std::to_string(shard) + "\n";
  int port = options.first_port;
  for (int copy = 0; copy <= options.replicas; ++copy) {
    for (int shard = 1; shard <= options.shards; ++shard) {
      const std::string name = "s" + std::to_string(shard);
      text.append("node " + name + "-" + std::to_string(copy + 1) + " shard " + name + " host 127.0.0.1 port " +
                  std::to_string(port++) + " role " + (copy == 0 ? "primary" : "replica") + "\n");
    }
  }
  return text;
}

// In the background; an error if the program can't be started or ends with one. `users`: lines of its configuration.
Status StartServer(const CreateOptions& options, const std::string& config, const Node& node,
                   const std::string& users) {
  const std::string directory = (fs::absolute(options.directory) / node.id).string();
  fs::create_directories(directory);
  const std::string users_file = directory + "/users.conf";
  const Status written = storage::ReplaceSecretFile(users_file, users, storage::FileOwner::kThisUser);
  if (!written) return written;
  std::vector<std::string> words{options.server,
                                 users_file,
                                 "--port",
                                 std::to_string(node.port),
                                 "--bind",
                                 "127.0.0.1",
                                 "--dir",
                                 directory,
                                 "--daemonize",
                                 "yes",
                                 "--logfile",
                                 directory + "/log",
                                 "--pidfile",
                                 directory + "/pid",
                                 "--appendonly",
                                 "yes",
                                 "--cluster-enabled",
                                 "yes",
                                 "--cluster-config",
                                 config,
                                 "--cluster-node-id",
                                 node.id};
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  if (::posix_spawnp(&child, argv[0], nullptr, nullptr, argv.data(), environ) != 0) {
    return Fail("cannot start '" + options.server + "': give its path by --server");
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return Fail("node '" + node.id + "' does not start; see '" + options.directory + "/" + node.id + "/log'");
  return {};
}

// Whether the node serves, and, if it is a replica, has its primary's data.
bool IsReady(const Node& node) {
  const Result<std::unique_ptr<NodeClient>> client = NodeClient::Connect(node.host, node.port);
  if (!client || !(*client)->Ask({"DBSIZE"})) return false;
  if (node.is_primary) return true;
  const Result<std::string> link = (*client)->Info("master_link_status");
  return link && *link == "up";
}

Status WaitUntilReady(const CreateOptions& options, const Node& node) {
  const auto end = std::chrono::steady_clock::now() + kLongestStart;
  while (!IsReady(node)) {
    if (std::chrono::steady_clock::now() > end) {
      return Fail("node '" + node.id + "' does not become ready; see '" + options.directory + "/" + node.id + "/log'");
    }
    std::this_thread::sleep_for(kStartNap);
  }
  return {};
}

}  // namespace

Result<cluster::Topology> ReadTopology(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Fail("cannot read '" + path + "'");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  Result<cluster::Topology> topology = cluster::Topology::Parse(text);
  if (!topology) return Fail("'" + path + "', " + topology.error().text);
  return topology;
}

Status Create(const CreateOptions& options) {
  if (NodeClient::uses_tls()) {
    return Fail("create starts nodes without TLS: leave --tls out, or start nodes with tls-cluster yes by yourself");
  }
  const std::string config = (fs::absolute(options.directory) / "cluster.conf").string();
  if (fs::exists(config))
    return Fail("there already is a cluster in '" + options.directory + "'; choose another --dir");
  const Result<std::string> users = UsersOfNewCluster();
  if (!users) return tl::unexpected(users.error());
  const Result<cluster::Topology> topology = cluster::Topology::Parse(ConfigFor(options));
  if (!topology) return tl::unexpected(topology.error());
  // With its slots: so it stays as it is, whatever a later version would lay out.
  std::error_code error;
  fs::create_directories(options.directory, error);
  if (!(std::ofstream(config) << topology->Print())) return Fail("cannot write '" + config + "'");
  for (const Node& node : topology->nodes()) {
    if (Status started = StartServer(options, config, node, *users); !started) return started;
  }
  for (const Node& node : topology->nodes()) {
    if (Status ready = WaitUntilReady(options, node); !ready) return ready;
  }
  std::cout << topology->shards().size() << " shards on " << topology->nodes().size() << " nodes are ready:\n\n";
  if (Status shown = ShowStatus(config); !shown) return shown;
  std::cout << "\n  redis-cli -c -p " << options.first_port << "\n  ringkv-cluster status " << options.directory
            << "/cluster.conf\n  ringkv-cluster stop " << options.directory << "/cluster.conf\n";
  return {};
}

Status Grow(const std::string& path, const std::string& server) {
  const Result<cluster::Topology> before = ReadTopology(path);
  if (!before) return tl::unexpected(before.error());
  const fs::path directory = fs::absolute(path).parent_path();
  const std::string number = std::to_string(before->shards().size() + 1);
  int port = 0;
  for (const Node& node : before->nodes()) {
    // Another cluster's nodes are started where they are to run.
    if (!fs::exists(directory / node.id)) {
      return Fail("node '" + node.id + "' has no directory beside '" + path + "': this cluster was not made by create");
    }
    port = std::max(port, node.port);
  }
  const Result<std::string> users = UsersLike(before->nodes());
  if (!users) return tl::unexpected(users.error());
  const std::string id = "s" + number + "-1";
  std::string text = before->PrintNext() + "shard s" + number + "\n";
  text += "node " + id + " shard s" + number + " host 127.0.0.1 port " + std::to_string(port + 1) + " role primary\n";
  const Result<cluster::Topology> after = cluster::Topology::Parse(text);
  if (!after) return Fail("cannot add shard 's" + number + "': " + after.error().text);
  if (!(std::ofstream(path) << text)) return Fail("cannot write '" + path + "'");
  const CreateOptions options{.directory = directory.string(), .server = server};
  const Node& node = *after->FindNode(id);
  if (Status started = StartServer(options, fs::absolute(path).string(), node, *users); !started) return started;
  if (Status ready = WaitUntilReady(options, node); !ready) return ready;
  std::cout << "node " << id << " is there, on port " << node.port << "\n";
  return Apply(path, {});
}

Status Stop(const std::string& path) {
  const Result<cluster::Topology> topology = ReadTopology(path);
  if (!topology) return tl::unexpected(topology.error());
  // Replicas first: they would complain of a primary that goes.
  for (const bool primaries : {false, true}) {
    for (const Node& node : topology->nodes()) {
      if (node.is_primary != primaries) continue;
      if (NodeClient::IsRefused(node.host, node.port)) {
        std::cout << node.id << " is not there\n";
        continue;
      }
      const Result<std::unique_ptr<NodeClient>> client = NodeClient::Connect(node.host, node.port);
      if (!client) return Fail(node.id + ": " + client.error().text);
      if (const auto known = (*client)->Ask({"PING"}); !known) return Fail(node.id + ": " + known.error().text);
      [[maybe_unused]] const auto closed = (*client)->Ask({"SHUTDOWN"});  // it ends without an answer
      std::cout << node.id << " has ended\n";
    }
  }
  return {};
}

}  // namespace ringkv::cluster_admin
