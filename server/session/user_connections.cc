// SPDX-License-Identifier: MIT
#include "server/session/user_connections.h"

#include <memory>
#include <string>
#include <vector>

#include "server/users/acl_check.h"

namespace ringkv::server {

std::vector<std::shared_ptr<ClientCard>> ForbiddenClients(const ClientDirectory& clients, Broker& broker,
                                                          const Users& users) {
  std::vector<std::shared_ptr<ClientCard>> forbidden;
  const auto all = users.AllById();
  const auto add = [&](const std::shared_ptr<ClientCard>& card) {
    if (!card->is_closing.exchange(true)) forbidden.push_back(card);
  };
  for (const std::shared_ptr<ClientCard>& card : clients.All()) {
    const uint64_t id = card->user_id;
    if (id != 0 && !all.contains(id)) add(card);
  }
  for (const Topic topic : {Topic::kChannel, Topic::kPattern, Topic::kShardChannel}) {
    for (const std::string& name : broker.Names(topic, nullptr)) {
      for (const uint64_t client : broker.Subscribers(topic, name)) {
        const std::shared_ptr<ClientCard> card = clients.Find(client);
        const auto user = card == nullptr ? all.end() : all.find(card->user_id);
        if (user != all.end() && !MaySubscribe(*user->second, name, topic == Topic::kPattern)) add(card);
      }
    }
  }
  return forbidden;
}

}  // namespace ringkv::server
