// SPDX-License-Identifier: MIT
// What MIGRATE is asked to do.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/base/client_card.h"
#include "storage/base/db_index.h"

namespace ringkv::server {

class HeldKeys;

struct MigrateTarget {
  std::string host;
  int port = 0;
  std::string user = {};
  std::optional<std::string> password = {};

  bool operator==(const MigrateTarget&) const = default;
};

struct MigrateRequest {
  MigrateTarget target;
  int64_t target_db = 0;
  int64_t timeout_ms = 0;  // of each step: to connect, to send some bytes, to receive a reply
  bool copies = false;     // the keys stay here too
  bool replaces = false;   // keys of the target are replaced
  storage::DbIndex db = 0;
  std::vector<std::string> keys;
  std::shared_ptr<ClientCard> client;
  std::shared_ptr<HeldKeys> held = nullptr;  // null: the client waits for the answer
};

}  // namespace ringkv::server
