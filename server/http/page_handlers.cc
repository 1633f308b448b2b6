// SPDX-License-Identifier: MIT
// GET /: a page with the status, a search and the endpoints, for a browser.
#include <sstream>

#include "server/base/version.h"
#include "server/config/own_ports.h"
#include "server/http/exchange.h"
#include "server/http/handlers.h"
#include "server/http/page_files.h"
#include "server/http/route_table.h"
#include "server/report/info_page.h"

namespace ringkv::server::http {
namespace {

// Fields of INFO with their labels.
constexpr struct {
  std::string_view field;
  std::string_view name;
} kNumbers[] = {{"uptime_in_seconds", "uptime in seconds"},
                {"role", "role"},
                {"connected_clients", "clients"},
                {"connected_slaves", "replicas"},
                {"used_memory_human", "memory"},
                {"maxmemory_human", "memory limit (0: none)"},
                {"instantaneous_ops_per_sec", "commands per second"},
                {"total_commands_processed", "commands processed"},
                {"keyspace_hits", "hits"},
                {"keyspace_misses", "misses"},
                {"expired_keys", "expired keys"},
                {"evicted_keys", "evicted keys"}};

std::string Escaped(std::string_view text) {
  std::string html;
  for (const char c : text) {
    switch (c) {
      case '<': html += "&lt;"; break;
      case '>': html += "&gt;"; break;
      case '&': html += "&amp;"; break;
      case '"': html += "&quot;"; break;
      default: html += c;
    }
  }
  return html;
}

std::string Row(std::initializer_list<std::string_view> cells) {
  std::string row = "<tr>";
  for (const std::string_view cell : cells) row += "<td>" + Escaped(cell) + "</td>";
  return row + "</tr>\n";
}

void FillIn(std::string* page, std::string_view mark, std::string_view text) {
  const size_t at = page->find(mark);
  page->replace(at, mark.size(), text);
}

std::string Numbers(Exchange& exchange) {
  const std::string info = InfoPage(exchange.parts().report, exchange.txn(), {});
  std::string rows;
  std::istringstream lines(info);
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with('\r')) line.pop_back();
    const size_t colon = std::min(line.find(':'), line.size());
    const std::string_view field = std::string_view(line).substr(0, colon);
    const std::string_view value = std::string_view(line).substr(std::min(colon + 1, line.size()));
    for (const auto& number : kNumbers) {
      if (number.field == field) rows += Row({number.name, value});
    }
    if (field.starts_with("db") && value.starts_with("keys=")) {
      rows += Row({"keys in database " + std::string(field.substr(2)), value.substr(5, value.find(',') - 5)});
    }
  }
  return rows;
}

std::string RouteRows() {
  std::string rows;
  for (const Route& route : Routes()) {
    for (const auto& each : kMethodNames) {
      if (each.method != Method::kHead && route.Allows(each.method))
        rows += Row({each.name, route.path, route.summary});
    }
  }
  return rows;
}

void RespondWith(Exchange& exchange, std::string_view content_type, std::string body) {
  exchange.Respond({.content_type = content_type,
                    .headers = {{"Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'"},
                                {"Cache-Control", "no-cache"}},
                    .body = std::move(body)});
}

}  // namespace

void ShowPage(Exchange& exchange) {
  const Options& options = exchange.parts().options;
  std::string page(kPageHtml);
  FillIn(&page, "{{port}}", std::to_string(options.http_port));
  FillIn(&page, "{{summary}}",
         "Version " + std::string(kRingKvVersion) + ". The Redis protocol is spoken on port " +
             std::to_string(PortOfClients(options)) +
             (options.port == 0 && options.tls_port != 0 ? " with TLS." : "."));
  FillIn(&page, "{{numbers}}", Numbers(exchange));
  FillIn(&page, "{{routes}}", RouteRows());
  RespondWith(exchange, "text/html; charset=utf-8", std::move(page));
}

void ShowPageStyle(Exchange& exchange) { RespondWith(exchange, "text/css; charset=utf-8", std::string(kPageCss)); }

void ShowPageScript(Exchange& exchange) {
  RespondWith(exchange, "text/javascript; charset=utf-8", std::string(kPageJs));
}

}  // namespace ringkv::server::http
