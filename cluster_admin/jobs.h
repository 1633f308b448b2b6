// SPDX-License-Identifier: MIT
// The jobs of ringkv-cluster. Each writes to standard output and returns its error.
#pragma once

#include <string>
#include <vector>

#include "cluster/topology.h"
#include "storage/base/result.h"

namespace ringkv::cluster_admin {

// Reads the topology in a file. An error names the file and the line.
storage::Result<cluster::Topology> ReadTopology(const std::string& path);

struct Address {
  std::string host;
  int port = 0;
};

struct CreateOptions {
  int shards = 3;
  int replicas = 0;  // per shard
  int first_port = 7001;
  std::string directory = "ringkv-cluster";
  std::string server = "ringkv-server";
};
// Starts a cluster on this machine, each node in its own directory, and waits until it serves requests.
storage::Status Create(const CreateOptions& options);
// Adds a shard with one node on this machine to a cluster made by Create, and waits for its slots.
storage::Status Grow(const std::string& path, const std::string& server);
// Shuts down the nodes of the file; their data is kept.
storage::Status Stop(const std::string& path);

// Shows which slots the file would move, without changing anything.
// `addresses`: addresses of the nodes as seen from here, if different from the file.
storage::Status ShowPlan(const std::string& path, const std::vector<Address>& addresses);
// Sends the file to all of its nodes and waits until the slots have moved. Can be repeated after an interruption.
storage::Status Apply(const std::string& path, const std::vector<Address>& addresses);

// Promotes a replica in place of this primary, before the node is stopped: no acknowledged write is lost, and writes
// wait for some milliseconds. Does nothing for a node that is not a primary.
storage::Status HandOver(const std::string& path, const std::string& id);

// Fails if the server sends no reply.
storage::Status Ping(const Address& address);

// One line per node with its role, keys, memory and lag, and a progress bar per slot migration. Fails if a node is
// unreachable.
storage::Status ShowStatus(const std::string& path);

// --- shards whose primaries are elected through etcd ---
struct CoordinatorOptions {
  std::string address;  // as the server's option `coordinator`
  std::string user = {};
  std::string password = {};
  // For etcds://.
  std::string ca_file = {};
  std::string certificate_file = {};
  std::string key_file = {};
};
// Begins a cluster of shards s1, s2 ..., which nodes may join then: the topology that gives each its slots. Fails if
// there is one.
storage::Status InitCluster(const CoordinatorOptions& options, int shards);
// Shows which slots the file of shards would move, without changing anything.
storage::Status ShowElectedPlan(const CoordinatorOptions& options, const std::string& path);
// Has the topology be as the file of shards says, by one transaction for each step, and waits until the slots have
// moved. Waits for the first node of a shard that is new. Can be repeated after an interruption.
storage::Status ApplyElected(const CoordinatorOptions& options, const std::string& path);
// Leases, epochs, in-sync sets, and one line per node. Fails if a shard has no primary or a node is not as it should
// be.
storage::Status ShowElectedShards(const CoordinatorOptions& options);
struct FailoverRequest {
  std::string shard;
  std::string to = {};    // the node that is to be the primary; empty: any that has everything
  std::string from = {};  // only if this node is the primary; empty: whoever is
};
// The primary of the shard gives its lead to a replica that has everything; writes wait meanwhile. Nodes: an id, its
// first digits, or HOST:PORT.
storage::Status FailOverShard(const CoordinatorOptions& options, const FailoverRequest& request);
// Strikes a node off the list of members that has left for good. `node`: an id, its first digits, or HOST:PORT.
storage::Status LeaveShard(const CoordinatorOptions& options, const std::string& node);
// Makes a node the primary that may lack acknowledged writes, because no other can be elected. Says what may be lost,
// and without `accepts_loss` does nothing else.
storage::Status TakeOverShard(const CoordinatorOptions& options, const std::string& node, bool accepts_loss);

// Prints the ring as an SVG image.
storage::Status DrawRing(const std::string& path);
// Prints the number of slots and of ranges of each shard.
storage::Status ShowRing(const std::string& path);

}  // namespace ringkv::cluster_admin
