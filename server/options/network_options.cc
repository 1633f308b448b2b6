// SPDX-License-Identifier: MIT
// Options of where the server listens, and the threads that serve.
#include "server/options/option_row.h"

namespace ringkv::server {
namespace {

constexpr OptionRow kNetworkOptions[] = {
    {.name = "port",
     .type = OptionType::kInteger,
     .default_value = "6379",
     .least = 0,
     .most = 65535,
     .summary = "TCP port; 0 lets the system choose a free one, which the ready line shows.",
     .field = &Options::port},
    {.name = "bind",
     .type = OptionType::kText,
     .default_value = "* -::*",
     .is_list = true,
     .summary = "Addresses to listen on, separated by spaces; * is every IPv4, ::* every IPv6 address. A leading - "
                "ignores an address that is not available.",
     .field = &Options::bind},
    {.name = "protected-mode",
     .type = OptionType::kBoolean,
     .default_value = "yes",
     .changeable = true,
     .summary = "Without a password, accepts only clients of this machine.",
     .field = &Options::protected_mode},
    {.name = "unixsocket",
     .type = OptionType::kText,
     .default_value = "",
     .summary = "Path of a Unix socket to listen on; empty for none.",
     .field = &Options::unixsocket},
    {.name = "unixsocketperm",
     .type = OptionType::kOctal,
     .default_value = "0",
     .least = 0,
     .most = 0777,
     .summary = "Permissions of the Unix socket, octal; 0 applies the umask.",
     .field = &Options::unixsocketperm},
    {.name = "tcp-backlog",
     .type = OptionType::kInteger,
     .default_value = "511",
     .least = 1,
     .most = INT32_MAX,
     .summary = "Length of the queue of connections that are not accepted yet.",
     .field = &Options::tcp_backlog},
    {.name = "tcp-keepalive",
     .type = OptionType::kInteger,
     .default_value = "300",
     .least = 0,
     .most = INT32_MAX,
     .changeable = true,
     .summary = "Seconds between keepalive probes of an idle connection; 0 sends none.",
     .field = &Options::tcp_keepalive},
    {.name = "io-threads",
     .type = OptionType::kInteger,
     .default_value = "1",
     .least = 1,
     .most = 128,
     .summary = "Threads that serve clients; each connection is served by one of them.",
     .field = &Options::io_threads},
    {.name = "gather-microseconds",
     .type = OptionType::kInteger,
     .default_value = "40",
     .least = 0,
     .most = 1000,
     .changeable = true,
     .summary = "Pause of a thread before it sleeps, to gather requests while many clients are active; 0 disables it.",
     .field = &Options::gather_microseconds},
};

}  // namespace

std::span<const OptionRow> NetworkOptions() { return kNetworkOptions; }

}  // namespace ringkv::server
