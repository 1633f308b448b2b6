// SPDX-License-Identifier: MIT
// ringkv-cluster: creates a cluster on this machine, changes a cluster, and shows its state.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "cluster_admin/jobs.h"
#include "cluster_admin/node_client.h"

namespace {

using ringkv::cluster_admin::CreateOptions;

// The server that was built or installed with this program, or the one on the path.
std::string ServerBeside() {
  std::error_code error;
  const std::filesystem::path own = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::filesystem::path beside = own.parent_path() / "ringkv-server";
  return !error && std::filesystem::exists(beside) ? beside.string() : "ringkv-server";
}

std::string IsAddress(const std::string& text) {
  const size_t colon = text.rfind(':');
  const int port = colon == std::string::npos ? 0 : std::atoi(text.c_str() + colon + 1);
  return colon == 0 || port <= 0 || port > 65535 ? "'" + text + "' is not HOST:PORT" : std::string();
}

std::vector<ringkv::cluster_admin::Address> AddressesOf(const std::vector<std::string>& texts) {
  std::vector<ringkv::cluster_admin::Address> addresses;
  for (const std::string& text : texts) {
    const size_t colon = text.rfind(':');
    addresses.push_back({text.substr(0, colon), std::atoi(text.c_str() + colon + 1)});
  }
  return addresses;
}

// The flags of redis-cli.
struct TlsFlags {
  bool is_wanted = false;
  bool is_insecure = false;
  std::string host_name;
  ringkv::transport::TlsSettings settings;
};

void AddTlsFlags(CLI::App& app, TlsFlags* flags) {
  constexpr const char* kTls = "TLS";
  ringkv::transport::TlsSettings& settings = flags->settings;
  app.add_flag("--tls", flags->is_wanted, "Connects with TLS")->group(kTls);
  app.add_option("--sni", flags->host_name, "Server name that the nodes are told")->group(kTls);
  app.add_option("--cacert", settings.ca_file, "Certificates of authorities to verify the nodes with")->group(kTls);
  app.add_option("--cacertdir", settings.ca_directory, "Directory with such certificates")->group(kTls);
  app.add_flag("--insecure", flags->is_insecure, "Doesn't verify the certificates of the nodes")->group(kTls);
  app.add_option("--cert", settings.own.certificate_file, "Client certificate to show")->group(kTls);
  app.add_option("--key", settings.own.key_file, "Private key of the client certificate")->group(kTls);
  app.add_option("--tls-ciphers", settings.ciphers, "Ciphers up to TLS 1.2, separated by colons")->group(kTls);
  app.add_option("--tls-ciphersuites", settings.cipher_suites, "Cipher suites of TLS 1.3, separated by colons")
      ->group(kTls);
}

std::string FromEnvironment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The options of the server, and its variables.
void AddCoordinatorFlags(CLI::App& app, ringkv::cluster_admin::CoordinatorOptions* options) {
  const auto add = [&app](const char* flag, const char* variable, std::string* value, const char* what) {
    app.add_option(flag, *value, what)->group("etcd")->envname(variable);
  };
  add("--coordinator", "RINGKV_COORDINATOR", &options->address, "etcd://HOST:PORT,.../NAME, as the nodes have it");
  add("--coordinator-user", "RINGKV_COORDINATOR_USER", &options->user, "User of etcd");
  options->password = FromEnvironment("RINGKV_COORDINATOR_PASSWORD");
  add("--coordinator-ca-cert-file", "RINGKV_COORDINATOR_CA_CERT_FILE", &options->ca_file,
      "Certificates of authorities to verify etcd with");
  add("--coordinator-cert-file", "RINGKV_COORDINATOR_CERT_FILE", &options->certificate_file,
      "Certificate to show to etcd");
  add("--coordinator-key-file", "RINGKV_COORDINATOR_KEY_FILE", &options->key_file, "Private key of that certificate");
}

// Before any job.
void UseTls(TlsFlags& flags) {
  if (!flags.is_wanted) return;
  flags.settings.verifies_peers = !flags.is_insecure;
  flags.settings.own.key_passphrase = FromEnvironment("RINGKV_TLS_KEY_FILE_PASS");
  const auto context = ringkv::transport::TlsContext::LoadForTool(flags.settings);
  if (!context) {
    std::cerr << "ringkv-cluster: " << context.error().text << "\n";
    throw CLI::RuntimeError(1);
  }
  ringkv::cluster_admin::NodeClient::UseTls(*context, flags.host_name);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Creates a RingKV cluster on this machine, changes a cluster, and shows its state.", "ringkv-cluster");
  app.require_subcommand(1);
  app.fallthrough();  // flags of all jobs may stand behind the job too
  // As redis-cli takes them.
  std::string user;
  std::string password = FromEnvironment("REDISCLI_AUTH");
  app.add_option("--user", user, "User that the nodes are told; default without it");
  app.add_option("--pass,-a", password, "Password of that user; better in the environment, as REDISCLI_AUTH");
  TlsFlags tls;
  AddTlsFlags(app, &tls);
  ringkv::cluster_admin::CoordinatorOptions coordinator;
  AddCoordinatorFlags(app, &coordinator);
  app.parse_complete_callback([&] {
    ringkv::cluster_admin::NodeClient::UseCredentials({user, password});
    UseTls(tls);
  });
  ringkv::storage::Status done;
  std::string file;

  CreateOptions options;
  options.server = ServerBeside();
  CLI::App* create = app.add_subcommand("create", "Starts a cluster of SHARDS shards on this machine");
  create->add_option("shards", options.shards, "Number of shards")->required()->check(CLI::Range(1, 100));
  create->add_option("--replicas", options.replicas, "Replicas per shard")->check(CLI::Range(0, 5));
  create->add_option("--port", options.first_port, "Port of the first node; the other nodes use the ports after it")
      ->check(CLI::Range(1, 65000))
      ->capture_default_str();
  create->add_option("--dir", options.directory, "Directory for the files of all nodes")->capture_default_str();
  create->add_option("--server", options.server, "Server program")->capture_default_str();
  create->callback([&] { done = ringkv::cluster_admin::Create(options); });

  const auto with_file = [&](const char* name, const char* what) {
    CLI::App* job = app.add_subcommand(name, what);
    job->add_option("config", file, "The cluster-config")->required();
    return job;
  };
  CLI::App* grow = with_file("grow", "Adds a shard on this machine to a cluster made by create");
  grow->add_option("--server", options.server, "Server program")->capture_default_str();
  grow->callback([&] { done = ringkv::cluster_admin::Grow(file, options.server); });
  with_file("stop", "Shuts all nodes down; their data is kept")->callback([&] {
    done = ringkv::cluster_admin::Stop(file);
  });
  CLI::App* status = app.add_subcommand("status",
                                        "Shows the nodes, their slots, keys and lag; of shards with a "
                                        "coordinator leases, epochs and in-sync sets");
  status->add_option("config", file, "The cluster-config; without it, what --coordinator says");
  status->callback([&] {
    if (file.empty() && coordinator.address.empty()) throw CLI::RequiredError("a cluster-config or --coordinator");
    done =
        file.empty() ? ringkv::cluster_admin::ShowElectedShards(coordinator) : ringkv::cluster_admin::ShowStatus(file);
  });
  std::vector<std::string> nodes;
  const auto with_nodes = [&](CLI::App* job) {
    job->add_option("--nodes", nodes, "HOST:PORT of the nodes as seen from here, if different from the file")
        ->check(IsAddress);
    return job;
  };
  with_nodes(with_file("plan", "Shows which slots the file would move; with --coordinator a file of shards"))
      ->callback([&] {
        done = coordinator.address.empty() ? ringkv::cluster_admin::ShowPlan(file, AddressesOf(nodes))
                                           : ringkv::cluster_admin::ShowElectedPlan(coordinator, file);
      });
  with_nodes(
      with_file(
          "apply",
          "Sends the file to all of its nodes, or its shards to --coordinator, and waits until the slots have moved"))
      ->callback([&] {
        done = coordinator.address.empty() ? ringkv::cluster_admin::Apply(file, AddressesOf(nodes))
                                           : ringkv::cluster_admin::ApplyElected(coordinator, file);
      });
  std::string node;
  CLI::App* handover = with_file("handover", "Promotes a replica in place of a primary that will be stopped");
  handover->add_option("node", node, "The primary's id")->required();
  handover->callback([&] { done = ringkv::cluster_admin::HandOver(file, node); });
  const auto with_member = [&](const char* name, const char* what) {
    CLI::App* job = app.add_subcommand(name, what);
    job->add_option("node", node, "Its id, the first digits of it, or HOST:PORT")->required();
    return job;
  };
  const auto needs_coordinator = [&] {
    if (coordinator.address.empty()) throw CLI::RequiredError("--coordinator");
  };
  ringkv::cluster_admin::FailoverRequest failover;
  CLI::App* fail_over = app.add_subcommand("failover", "Lets another node be the primary of a shard, planned");
  fail_over->add_option("shard", failover.shard, "The shard; 0 without cluster mode")->required();
  fail_over->add_option("--to", failover.to,
                        "The node that is to be it: id or HOST:PORT; else one that has everything");
  fail_over->add_option("--from", failover.from, "Only if this node is the primary, which is to be stopped");
  fail_over->callback([&] {
    needs_coordinator();
    done = ringkv::cluster_admin::FailOverShard(coordinator, failover);
  });
  CLI::App* init = app.add_subcommand("init", "Begins a cluster of SHARDS shards that a coordinator keeps");
  init->add_option("shards", options.shards, "Number of shards")->required()->check(CLI::Range(1, 1000));
  init->callback([&] {
    needs_coordinator();
    done = ringkv::cluster_admin::InitCluster(coordinator, options.shards);
  });
  with_member("leave", "Strikes a node off its shard that has left for good")->callback([&] {
    needs_coordinator();
    done = ringkv::cluster_admin::LeaveShard(coordinator, node);
  });
  bool accepts_loss = false;
  CLI::App* takeover =
      with_member("takeover", "Makes a node the primary that may lack acknowledged writes; says which");
  takeover->add_flag("--accept-loss", accepts_loss, "Does it; else it only says what may be lost");
  takeover->callback([&] {
    needs_coordinator();
    done = ringkv::cluster_admin::TakeOverShard(coordinator, node, accepts_loss);
  });
  std::string address = "127.0.0.1:6379";
  CLI::App* ping = app.add_subcommand("ping", "Tests whether a server responds");
  ping->add_option("address", address, "HOST:PORT")->check(IsAddress)->capture_default_str();
  ping->callback([&] { done = ringkv::cluster_admin::Ping(AddressesOf({address})[0]); });
  CLI::App* ring = with_file("ring", "Shows the slots of each shard");
  bool as_picture = false;
  ring->add_flag("--svg", as_picture, "As an SVG image");
  ring->callback(
      [&] { done = as_picture ? ringkv::cluster_admin::DrawRing(file) : ringkv::cluster_admin::ShowRing(file); });

  CLI11_PARSE(app, argc, argv);
  if (!done) {
    std::cerr << "ringkv-cluster: " << done.error().text << "\n";
    return 1;
  }
  return 0;
}
