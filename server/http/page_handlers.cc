// SPDX-License-Identifier: MIT
// GET / and /page/...: the files of the console. They are the same for everyone and show no data: what they show, they
// ask for with the rights of whoever has logged in.
#include <algorithm>
#include <vector>

#include "server/http/entity_tag.h"
#include "server/http/exchange.h"
#include "server/http/handlers.h"
#include "server/http/page_files.h"

namespace ringkv::server::http {
namespace {

// Scripts and styles come from this server only, and no page of another one may show this in a frame.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

// By file, computed once.
const std::string& PageTag(size_t index) {
  static const std::vector<std::string> tags = [] {
    std::vector<std::string> made;
    for (const PageFile& file : PageFiles()) made.push_back(EntityTag(file.content));
    return made;
  }();
  return tags[index];
}

void RespondWithFile(Exchange& exchange, std::string_view name) {
  const std::span<const PageFile> files = PageFiles();
  const auto found = std::find_if(files.begin(), files.end(), [&](const PageFile& each) { return each.name == name; });
  if (found == files.end()) return exchange.Fail(404, "the console has no such file");
  const std::string& tag = PageTag(static_cast<size_t>(found - files.begin()));
  Response response{.content_type = found->content_type,
                    .headers = {{"Content-Security-Policy", std::string(kPolicy)},
                                {"Referrer-Policy", "no-referrer"},
                                {"ETag", tag},
                                {"Cache-Control", "no-cache"}}};
  if (exchange.request().if_none_match == tag) {
    response.status = 304;
  } else {
    response.body = std::string(found->content);
  }
  exchange.Respond(std::move(response));
}

}  // namespace

void ShowPage(Exchange& exchange) { RespondWithFile(exchange, "index.html"); }

void ShowPageFile(Exchange& exchange) { RespondWithFile(exchange, exchange.key()); }

}  // namespace ringkv::server::http
