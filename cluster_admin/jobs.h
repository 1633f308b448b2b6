// SPDX-License-Identifier: MIT
// What ringkv-cluster can do. Each job writes to standard output and says what went wrong as an error.
#pragma once

#include <string>
#include <vector>

#include "cluster/topology.h"
#include "storage/base/result.h"

namespace ringkv::cluster_admin {

// The topology in a file. An error names the file and the line.
storage::Result<cluster::Topology> ReadTopology(const std::string& path);

struct Address {
  std::string host;
  int port = 0;
};

struct CreateOptions {
  int shards = 3;
  int replicas = 0;  // of each
  int first_port = 7001;
  std::string directory = "ringkv-cluster";
  std::string server = "ringkv-server";
};
// Starts a cluster on this machine, each node in a directory of its own, and waits until it serves.
storage::Status Create(const CreateOptions& options);
// Adds a shard with one node, on this machine too, to a cluster that Create has made, and waits for its slots.
storage::Status Grow(const std::string& path, const std::string& server);
// Ends the nodes of the file, each with all that it has written on the disk.
storage::Status Stop(const std::string& path);

// What the file would move if it were applied. Changes nothing.
// `addresses`: where nodes are reached from here, if not where the file says.
storage::Status ShowPlan(const std::string& path, const std::vector<Address>& addresses);
// Brings the file to all of its nodes, and waits until the slots are where it says. May be repeated if it was cut off.
storage::Status Apply(const std::string& path, const std::vector<Address>& addresses);

// Puts a replica of this primary into its place: nothing that was acknowledged is lost, and writes wait for some
// milliseconds. To be called before the node is stopped. A node that is no primary has nothing to hand over.
storage::Status HandOver(const std::string& path, const std::string& id);

// Whether the server answers anything.
storage::Status Ping(const Address& address);

// A line for each node: what it is, how much it has, how far behind it is; and what is on its way, with a bar. Fails if
// a node can't be reached.
storage::Status ShowStatus(const std::string& path);

// The ring as a picture, in SVG.
storage::Status DrawRing(const std::string& path);
// How many slots each shard owns, in how many ranges.
storage::Status ShowRing(const std::string& path);

}  // namespace ringkv::cluster_admin
