// SPDX-License-Identifier: MIT
// Options of the HTTP port.
#include <string>
#include <string_view>

#include "server/base/text.h"
#include "server/options/option_topics.h"

namespace ringkv::server {
namespace {

std::string CheckHosts(std::string_view value) {
  constexpr std::string_view kOfNames = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  for (const std::string_view word : Words(value)) {
    if (word == "*" || word.find_first_not_of(kOfNames) == std::string_view::npos) continue;
    return "a host is a name without a scheme and a port, .name for all below it, or *";
  }
  return {};
}

std::string CheckOpenPaths(std::string_view value) {
  for (const std::string_view word : Words(value)) {
    if (word != "/metrics" && word != "/healthz" && word != "/readyz") {
      return "only /metrics, /healthz and /readyz can be open";
    }
  }
  return {};
}

constexpr OptionRow kHttpOptions[] = {
    {.name = "http-port",
     .type = OptionType::kInteger,
     .default_value = "0",
     .least = 0,
     .most = 65535,
     .summary = "TCP port for HTTP: keys, search, metrics, health; 0 disables it.",
     .field = &Options::http_port},
    {.name = "http-bind",
     .type = OptionType::kText,
     .default_value = "",
     .is_list = true,
     .summary = "Addresses to listen on for HTTP, as in 'bind'; empty for those of 'bind'.",
     .field = &Options::http_bind},
    {.name = "http-tls",
     .type = OptionType::kBoolean,
     .default_value = "no",
     .summary = "Serves HTTPS on http-port, with the certificate of tls-port and what tls-auth-clients says.",
     .field = &Options::http_tls},
    {.name = "http-console",
     .type = OptionType::kChoice,
     .default_value = "yes",
     .choices = "no yes readonly",
     .changeable = true,
     .summary = "The console for browsers at / of http-port. readonly: it runs no command that changes anything, "
                "whoever asks; no: neither the page nor /console is served.",
     .field = &Options::http_console},
    {.name = "http-allowed-hosts",
     .type = OptionType::kText,
     .default_value = "",
     .changeable = true,
     .is_list = true,
     .summary = "Host names, separated by spaces, that HTTP requests may use while no password is set, besides "
                "addresses, localhost, replica-announce-ip and the nodes of the cluster; .name for all subdomains, * "
                "for any host.",
     .field = &Options::http_allowed_hosts,
     .check = CheckHosts},
    {.name = "http-open-paths",
     .type = OptionType::kText,
     .default_value = "/healthz /readyz",
     .changeable = true,
     .is_list = true,
     .summary = "Paths of HTTP that need no user and no password: of /metrics, /healthz and /readyz.",
     .field = &Options::http_open_paths,
     .check = CheckOpenPaths},
    {.name = "http-timeout",
     .type = OptionType::kInteger,
     .default_value = "30",
     .least = 1,
     .most = INT32_MAX,
     .changeable = true,
     .summary = "Seconds to receive an HTTP request or to send a response; a body may take a second more for each "
                "64,000 bytes.",
     .field = &Options::http_timeout},
    {.name = "http-keepalive-timeout",
     .type = OptionType::kInteger,
     .default_value = "300",
     .least = 1,
     .most = INT32_MAX,
     .changeable = true,
     .summary = "Seconds after which an idle HTTP connection is closed.",
     .field = &Options::http_keepalive_timeout},
    {.name = "http-max-head-size",
     .type = OptionType::kMemory,
     .default_value = "16384",
     .least = 1024,
     .most = 1 << 20,
     .changeable = true,
     .summary = "Maximum bytes of an HTTP request line and headers.",
     .field = &Options::http_max_head_size},
    {.name = "http-max-body-size",
     .type = OptionType::kMemory,
     .default_value = "67108864",
     .least = 1024,
     .most = int64_t{1} << 40,
     .changeable = true,
     .summary = "Maximum bytes of a value stored over HTTP.",
     .field = &Options::http_max_body_size},
    {.name = "http-max-json-size",
     .type = OptionType::kMemory,
     .default_value = "4194304",
     .least = 1024,
     .most = 1 << 30,
     .changeable = true,
     .summary = "Maximum bytes of a JSON document or a form in a request.",
     .field = &Options::http_max_json_size},
    {.name = "http-max-batch-keys",
     .type = OptionType::kInteger,
     .default_value = "10000",
     .least = 1,
     .most = 1'000'000,
     .changeable = true,
     .summary = "Maximum number of keys in a request to /mget or /mset.",
     .field = &Options::http_max_batch_keys},
    {.name = "http-max-response-size",
     .type = OptionType::kMemory,
     .default_value = "268435456",
     .least = 1024,
     .most = int64_t{1} << 40,
     .changeable = true,
     .summary = "Maximum bytes of values, in JSON, in a response of /mget or /search.",
     .field = &Options::http_max_response_size},
    {.name = "http-max-search-keys",
     .type = OptionType::kInteger,
     .default_value = "10000",
     .least = 1,
     .most = 1'000'000,
     .changeable = true,
     .summary = "Maximum number of keys in a response of /search.",
     .field = &Options::http_max_search_keys},
};

}  // namespace

std::span<const OptionRow> HttpOptions() { return kHttpOptions; }

}  // namespace ringkv::server
