// SPDX-License-Identifier: MIT
// Options of clients: admission and limits.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "resp/integer_text.h"
#include "server/base/needs.h"
#include "server/base/text.h"
#include "server/options/option_table.h"
#include "server/options/option_topics.h"
#include "server/process/file_limit.h"
#include "server/users/users.h"

namespace ringkv::server {
namespace {

int ClientClassOf(std::string_view word) {
  if (EqualsIgnoringCase(word, "normal")) return 0;
  if (EqualsIgnoringCase(word, "replica") || EqualsIgnoringCase(word, "slave")) return 1;
  if (EqualsIgnoringCase(word, "pubsub")) return 2;
  return -1;
}

std::string CheckOutputLimits(std::string_view value) {
  const std::vector<std::string_view> words = Words(value);
  if (HasEmptyWord(value) || words.size() % 4 != 0) {
    return "Wrong number of arguments in buffer limit configuration.";
  }
  for (size_t i = 0; i < words.size(); i += 4) {
    if (ClientClassOf(words[i]) < 0) return "Invalid client class specified in buffer limit configuration.";
    const std::optional<int64_t> seconds = resp::ParseInteger(words[i + 3]);
    if (!ParseMemory(words[i + 1]) || !ParseMemory(words[i + 2]) || !seconds || *seconds < 0) {
      return "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
    }
  }
  return {};
}

// Sets the classes named in `value` and leaves the others.
void SetOutputLimits(Options& options, std::string_view value) {
  const std::vector<std::string_view> words = Words(value);
  for (size_t i = 0; i + 3 < words.size(); i += 4) {
    OutputLimit& limit = options.output_limits[static_cast<size_t>(ClientClassOf(words[i]))];
    limit.hard_bytes = *ParseMemory(words[i + 1]);
    limit.soft_bytes = *ParseMemory(words[i + 2]);
    limit.soft_seconds = *resp::ParseInteger(words[i + 3]);
  }
  std::string text;
  static constexpr std::string_view kNames[] = {"normal", "slave", "pubsub"};
  for (size_t i = 0; i < 3; ++i) {
    const OutputLimit& limit = options.output_limits[i];
    if (i > 0) text += ' ';
    text += std::string(kNames[i]) + " " + std::to_string(limit.hard_bytes) + " " + std::to_string(limit.soft_bytes) +
            " " + std::to_string(limit.soft_seconds);
  }
  options.client_output_buffer_limit.Set(text);
}

std::string ObtainFiles(const OptionParts&, const Options& options, std::string_view value) {
  const int64_t clients = *resp::ParseInteger(value);
  const int64_t carried = RaiseFileLimit(clients, options.io_threads);
  if (carried == clients) return {};
  return "The operating system is not able to handle the specified number of clients, try with " +
         std::to_string(carried);
}

constexpr OptionRow kClientOptions[] = {
    {.name = "timeout",
     .type = OptionType::kInteger,
     .default_value = "0",
     .least = 0,
     .most = INT32_MAX,
     .changeable = true,
     .summary = "Seconds after which an idle client is closed; 0 never.",
     .field = &Options::timeout},
    {.name = "maxclients",
     .type = OptionType::kInteger,
     .default_value = "10000",
     .least = 1,
     .most = UINT32_MAX,
     .changeable = true,
     .summary = "Maximum number of connected clients.",
     .field = &Options::maxclients,
     .obtain = ObtainFiles},
    {.name = "requirepass",
     .type = OptionType::kText,
     .default_value = "",
     .changeable = true,
     .is_secret = true,
     .summary = "Password of the user default; empty for none.",
     .field = &Options::requirepass,
     .apply = [](Users& users, const Options& options) { users.SetDefaultPassword(options.requirepass.Get()); }},
    {.name = "aclfile",
     .type = OptionType::kText,
     .default_value = "",
     .summary = "File of users, instead of `user` lines in the configuration; ACL LOAD and ACL SAVE read and write it.",
     .field = &Options::aclfile},
    {.name = "acllog-max-len",
     .type = OptionType::kInteger,
     .default_value = "128",
     .changeable = true,
     .summary = "Maximum number of entries in ACL LOG.",
     .field = &Options::acllog_max_len},
    {.name = "acl-pubsub-default",
     .type = OptionType::kChoice,
     .default_value = "resetchannels",
     .choices = "allchannels resetchannels",
     .changeable = true,
     .summary = "The channels of new users: none or all.",
     .field = &Options::acl_pubsub_default,
     .apply =
         [](Users& users, const Options& options) {
           users.set_channels(static_cast<ChannelDefault>(options.acl_pubsub_default.load()));
         }},
    {.name = "maxmemory-clients",
     .type = OptionType::kMemory,
     .default_value = "0",
     .changeable = true,
     .takes_percent = true,
     .summary = "Memory limit of all clients together, or a percentage of maxmemory (5%); above it, the clients that "
                "use most are closed. 0 for no limit.",
     .field = &Options::maxmemory_clients},
    {.name = "client-query-buffer-limit",
     .type = OptionType::kMemory,
     .default_value = "1gb",
     .least = 1024 * 1024,
     .changeable = true,
     .summary = "Bytes of unexecuted input at which a client is closed.",
     .field = &Options::client_query_buffer_limit},
    {.name = "client-output-buffer-limit",
     .type = OptionType::kText,
     .default_value = "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
     .changeable = true,
     .is_list = true,
     .summary = "Class, hard limit, soft limit and seconds: bytes of unread replies at which a client is closed.",
     .field = &Options::client_output_buffer_limit,
     .check = CheckOutputLimits,
     .set = SetOutputLimits},
    {.name = "client-output-pause-bytes",
     .type = OptionType::kMemory,
     .default_value = "1mb",
     .least = 1024,
     .changeable = true,
     .summary = "Backpressure: bytes of unread replies from which a client's further requests wait, unless they take "
                "more memory than the replies.",
     .field = &Options::client_output_pause_bytes},
    {.name = "proto-max-bulk-len",
     .type = OptionType::kMemory,
     .default_value = "512mb",
     .least = 1024 * 1024,
     .most = 0xffffffff,
     .changeable = true,
     .summary = "Maximum bytes of an argument and of a string value.",
     .field = &Options::proto_max_bulk_len},
    {.name = "pubsub-max-subscriptions",
     .type = OptionType::kInteger,
     .default_value = "100000",
     .least = 1,
     .most = INT32_MAX,
     .changeable = true,
     .summary = "Maximum number of channels per client; likewise of patterns, and of shard channels.",
     .field = &Options::pubsub_max_subscriptions},
    {.name = "tracking-table-max-keys",
     .type = OptionType::kInteger,
     .default_value = "1000000",
     .least = 0,
     .changeable = true,
     .summary = "Maximum number of keys that are remembered for clients which keep copies of them (CLIENT TRACKING); "
                "beyond it such clients are told that some have changed. 0: no limit.",
     .field = &Options::tracking_table_max_keys},
    {.name = "enable-debug-command",
     .type = OptionType::kChoice,
     .default_value = "no",
     .choices = "no yes local",
     .summary = "Whether DEBUG is allowed; local: for clients of this machine.",
     .field = &Options::enable_debug_command,
     .apply = [](UnmetNeeds& needs, const Options&) { needs.Update(); }},
};

}  // namespace

std::span<const OptionRow> ClientOptions() { return kClientOptions; }

}  // namespace ringkv::server
