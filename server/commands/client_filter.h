// SPDX-License-Identifier: MIT
// The filters of CLIENT LIST and CLIENT KILL: what a connection must be, and what it must not be.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "server/base/client_card.h"
#include "server/command/command.h"

namespace ringkv::server {

// There are no connections of the last kind.
enum class ClientKind : uint8_t { kNormal, kReplica, kPubSub, kNobody };

// Properties of a client, each if it is asked for. Texts are views into the request.
struct ClientTraits {
  std::vector<uint64_t> ids;  // any of them; empty: whichever
  std::optional<ClientKind> kind;
  std::optional<std::string_view> user;
  std::optional<std::string_view> address;
  std::optional<std::string_view> local_address;
  std::optional<std::string_view> ip;
  std::optional<std::string_view> name;
  std::optional<std::string_view> library_name;
  std::optional<std::string_view> library_version;
  std::optional<std::string_view> flags;         // letters of CLIENT LIST, all of them
  std::optional<std::string_view> capabilities;  // likewise
  std::optional<storage::DbIndex> db;
};

struct ClientFilter {
  ClientTraits wanted = {};
  ClientTraits unwanted = {};  // behind NOT-
  int64_t least_age = 0;       // seconds
  int64_t least_idle = 0;      // likewise
  bool skips_me = false;

  bool Matches(const ClientCard& card, int64_t now_ms) const;
};

// What an ID must be.
struct IdRule {
  int64_t least;
  std::string_view error;  // for others
};
// Reads filters to the end of the arguments. False with the error written.
bool ParseClientFilter(AdminCall& call, const IdRule& rule, ClientFilter* filter);

}  // namespace ringkv::server
