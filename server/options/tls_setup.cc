// SPDX-License-Identifier: MIT
#include "server/options/tls_setup.h"

#include <memory>
#include <optional>
#include <string_view>

#include "resp/integer_text.h"
#include "server/base/client_links.h"
#include "server/base/text.h"
#include "server/observe/log.h"
#include "server/options/option_table.h"
#include "transport/tls_context.h"

namespace ringkv::server {
namespace {

using Context = std::shared_ptr<const transport::TlsContext>;

// The options as they will be.
class Values {
 public:
  Values(const Options& options, std::span<const OptionChange> changes) : options_(options), changes_(changes) {}

  // The last one counts, if an option is given twice by its two names.
  std::optional<std::string> Changed(std::string_view name) const {
    std::optional<std::string> value;
    for (const OptionChange& change : changes_) {
      if (change.row->name == name) value = std::string(change.value);
    }
    return value;
  }
  std::string Text(std::string_view name) const {
    const std::optional<std::string> changed = Changed(name);
    return changed ? *changed : OptionValue(options_, *FindOption(name));
  }
  bool Is(std::string_view name) const { return EqualsIgnoringCase(Text(name), "yes"); }
  int64_t Number(std::string_view name) const { return resp::ParseInteger(Text(name)).value_or(0); }

  bool wants_tls() const {
    return Number("tls-port") != 0 || Is("tls-replication") || Is("tls-cluster") ||
           (Is("http-tls") && Number("http-port") != 0);
  }

 private:
  const Options& options_;
  const std::span<const OptionChange> changes_;
};

transport::TlsSettings SettingsOf(const Values& values) {
  return {.own = {values.Text("tls-cert-file"), values.Text("tls-key-file"), values.Text("tls-key-file-pass")},
          .as_client = {values.Text("tls-client-cert-file"), values.Text("tls-client-key-file"),
                        values.Text("tls-client-key-file-pass")},
          .ca_file = values.Text("tls-ca-cert-file"),
          .ca_directory = values.Text("tls-ca-cert-dir"),
          .dh_parameters_file = values.Text("tls-dh-params-file"),
          .protocols = values.Text("tls-protocols"),
          .ciphers = values.Text("tls-ciphers"),
          .cipher_suites = values.Text("tls-ciphersuites"),
          .prefers_own_ciphers = values.Is("tls-prefer-server-ciphers"),
          .caches_sessions = values.Is("tls-session-caching"),
          .session_cache_size = values.Number("tls-session-cache-size"),
          .session_cache_seconds = values.Number("tls-session-cache-timeout"),
          .needs_authority = values.Is("tls-replication") || values.Is("tls-cluster") ||
                             !EqualsIgnoringCase(values.Text("tls-auth-clients"), "no")};
}

storage::Result<Context> Load(const Values& values) {
  if (!values.wants_tls()) return Context();
  return transport::TlsContext::Load(SettingsOf(values));
}

}  // namespace

storage::Status SetUpTls(Options& options) {
  const storage::Result<Context> loaded = Load({options, {}});
  if (!loaded) return storage::Fail("Failed to configure TLS: " + loaded.error().text);
  options.tls.Set(*loaded);
  return {};
}

std::string ObtainTls(const OptionParts& parts, const Options& options, std::span<const OptionChange> changes) {
  const Values values(options, changes);
  const storage::Result<Context> loaded = Load(values);
  if (!loaded) {
    std::get<Log&>(parts).Warning("CONFIG SET: " + loaded.error().text);
    return "Unable to update TLS configuration. " + loaded.error().text;
  }
  // Before the port, whose first client may come at once.
  auto& shared = std::get<SharedTls&>(parts);
  const Context before = shared.Get();
  shared.Set(*loaded);
  if (!values.Changed("tls-port") || std::get<ClientLinks&>(parts).ListenOnTls(values.Number("tls-port"))) return {};
  shared.Set(before);
  return "Unable to listen on this port. Check server logs.";
}

}  // namespace ringkv::server
