// SPDX-License-Identifier: MIT
// The action of an option: what it does with a part of the server when it has got a value.
#pragma once

#include <tuple>
#include <variant>

namespace ringkv::storage {
class Durability;
class Store;
}  // namespace ringkv::storage

namespace ringkv::server {

class ClientLinks;
struct CommandLogs;
class DataKeeper;
class KeyChanges;
class Log;
class OomScore;
struct Options;
class ProcessTitle;
class SharedTls;
class UnmetNeeds;
class Users;

// The parts of a server that options act on.
using OptionParts = std::tuple<ClientLinks&, DataKeeper&, KeyChanges&, Log&, OomScore&, ProcessTitle&, SharedTls&,
                               CommandLogs&, UnmetNeeds&, Users&, storage::Durability&, storage::Store&>;

// The action of a row on its part when the option has got a value, at the start and at CONFIG SET alike.
template <class Part>
using ActOn = void (*)(Part&, const Options&);
// No action: users of the option read its value.
using OptionAct = std::variant<std::monostate, ActOn<ClientLinks>, ActOn<DataKeeper>, ActOn<KeyChanges>, ActOn<Log>,
                               ActOn<ProcessTitle>, ActOn<CommandLogs>, ActOn<UnmetNeeds>, ActOn<Users>,
                               ActOn<storage::Durability>, ActOn<storage::Store>>;

}  // namespace ringkv::server
