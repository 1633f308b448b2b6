// SPDX-License-Identifier: MIT
// Options of Redis of which only the default is taken, because another value would promise what is not done here. The
// error says what to use instead.
#include "server/options/option_topics.h"
#include "server/options/row_shapes.h"

namespace ringkv::server {
namespace {

struct Refused {
  std::string_view summary;
  std::string_view instead;
};

constexpr Refused kAnnounced = {"All clients are told the same address, as cluster-announce-ip says.",
                                "all clients are told the same address; use cluster-announce-ip"};

constexpr OptionRow Only(OptionType type, std::string_view name, std::string_view value, const Refused& why) {
  return {.name = name,
          .type = type,
          .default_value = value,
          .changeable = true,
          .summary = why.summary,
          .instead = why.instead};
}

constexpr OptionRow OnlySwitch(std::string_view name, std::string_view value, const Refused& why) {
  return Only(OptionType::kBoolean, name, value, why);
}

constexpr OptionRow OnlyText(std::string_view name, const Refused& why) {
  return Only(OptionType::kText, name, "", why);
}

constexpr OptionRow OnlyPermission(std::string_view name, const Refused& why) {
  OptionRow row = AtTheStart(Only(OptionType::kChoice, name, "no", why));
  row.choices = "no yes local";
  return row;
}

constexpr OptionRow Known(std::string_view alias, OptionRow row) {
  row.alias = alias;
  return row;
}

constexpr OptionRow kRefusedOptions[] = {
    OnlySwitch("activedefrag", "no",
               {"There is no active defragmentation.",
                "Active defragmentation cannot be enabled: RingKV has none; a restart gives fragmented memory back"}),
    Known("slave-ignore-maxmemory",
          OnlySwitch("replica-ignore-maxmemory", "yes",
                     {"A replica holds what its primary holds, and evicts nothing by itself.",
                      "a replica that evicts by itself would differ from its primary; set maxmemory at the primary"})),
    OnlyPermission("enable-protected-configs",
                   {"dir and dbfilename are set at the start only.",
                    "dir and dbfilename are set at the start only: in the configuration file or on the command line"}),
    OnlyPermission(
        "enable-module-command",
        {"There are no modules.", "there are no modules; docs/commands.md lists the commands that there are"}),
    OnlyText("locale-collate", {"SORT ALPHA compares bytes.",
                                "SORT ALPHA compares bytes in every locale; sort in the application by its language"}),
    OnlyText("cluster-announce-client-ipv4", kAnnounced),
    OnlyText("cluster-announce-client-ipv6", kAnnounced),
};

}  // namespace

std::span<const OptionRow> RefusedOptions() { return kRefusedOptions; }

}  // namespace ringkv::server
