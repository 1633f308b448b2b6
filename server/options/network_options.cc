// SPDX-License-Identifier: MIT
// Options of where the server listens, and the threads that serve.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "resp/integer_text.h"
#include "server/base/client_links.h"
#include "server/base/text.h"
#include "server/options/option_topics.h"
#include "server/process/process_title.h"

namespace ringkv::server {
namespace {

std::string CheckAddresses(std::string_view value) {
  constexpr size_t kMostAddresses = 16;
  if (HasEmptyWord(value)) return "Failed to bind to specified addresses.";
  return Words(value).size() <= kMostAddresses ? "" : "Too many bind addresses specified.";
}

std::string ListenOnPort(const OptionParts& parts, const Options&, std::string_view value) {
  const bool done = std::get<ClientLinks&>(parts).ListenOn(std::nullopt, resp::ParseInteger(value));
  return done ? "" : "Unable to listen on this port. Check server logs.";
}

std::string ListenOnAddresses(const OptionParts& parts, const Options&, std::string_view value) {
  const bool done = std::get<ClientLinks&>(parts).ListenOn(std::string(value), std::nullopt);
  return done ? "" : "Failed to bind to specified addresses.";
}

// How many that is, the program finds out when it knows its processors.
void SetThreads(Options& options, std::string_view value) {
  const std::optional<int64_t> number = resp::ParseInteger(value);
  options.adapts_io_threads = number ? 0 : 1;
  options.io_threads = number.value_or(1);
}

std::string WrittenThreads(const Options& options) {
  return options.adapts_io_threads != 0 ? std::string(kAuto) : std::to_string(options.io_threads);
}

constexpr ActOn<ProcessTitle> kShowTitle = [](ProcessTitle& title, const Options& options) { title.Show(options); };

constexpr OptionRow kNetworkOptions[] = {
    {.name = "port",
     .type = OptionType::kInteger,
     .default_value = "6379",
     .least = 0,
     .most = 65535,
     .changeable = true,
     .summary = "TCP port. 0 at the start: none if there is a unixsocket, else a free one that the system chooses and "
                "the ready line shows; 0 by CONFIG SET: none.",
     .field = &Options::port,
     .obtain = ListenOnPort,
     .apply = kShowTitle},
    {.name = "bind",
     .type = OptionType::kText,
     .default_value = "* -::*",
     .changeable = true,
     .is_list = true,
     .summary = "Addresses to listen on, separated by spaces; * is every IPv4, ::* every IPv6 address. A leading - "
                "ignores an address that is not available.",
     .field = &Options::bind,
     .check = CheckAddresses,
     .obtain = ListenOnAddresses,
     .apply = kShowTitle},
    {.name = "bind-source-addr",
     .type = OptionType::kText,
     .default_value = "",
     .changeable = true,
     .summary = "Address from which this server connects to others: to its primary, to nodes of its cluster; empty for "
                "the one that the system chooses.",
     .field = &Options::bind_source_addr},
    {.name = "socket-mark-id",
     .type = OptionType::kInteger,
     .default_value = "0",
     .least = 0,
     .most = UINT32_MAX,
     .summary = "Mark of the sockets of clients, for packet filters and routing (SO_MARK); 0 for none.",
     .field = &Options::socket_mark_id},
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
     .least = 0,
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
     .default_value = "auto",
     .least = 1,
     .most = 128,
     .takes_auto = true,
     .summary = "Threads that serve clients; each connection is served by one of them at a time. With a number, the "
                "connections are spread over all of them. With auto, there are as many as processors (of the machine, "
                "the affinity mask or the container's CPU limit), 8 at most, and so many of them serve as the load "
                "needs. CONFIG GET shows the number, CONFIG REWRITE keeps auto.",
     .field = &Options::io_threads,
     .set = SetThreads,
     .written = WrittenThreads},
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
