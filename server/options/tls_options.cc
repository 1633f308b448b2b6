// SPDX-License-Identifier: MIT
// Options of TLS. All but tls-auth-clients make one context together (tls_setup.h).
#include "server/options/option_topics.h"
#include "server/options/row_shapes.h"
#include "server/options/tls_setup.h"

namespace ringkv::server {
namespace {

constexpr OptionRow OfContext(OptionRow row) {
  row.obtain_together = ObtainTls;
  return row;
}

constexpr OptionRow TlsText(std::string_view name, SharedText Options::*field, std::string_view summary) {
  return OfContext({.name = name,
                    .type = OptionType::kText,
                    .default_value = "",
                    .changeable = true,
                    .summary = summary,
                    .field = field});
}

constexpr OptionRow TlsSwitch(std::string_view name, std::string_view initial, SharedNumber Options::*field,
                              std::string_view summary) {
  return OfContext({.name = name,
                    .type = OptionType::kBoolean,
                    .default_value = initial,
                    .changeable = true,
                    .summary = summary,
                    .field = field});
}

constexpr OptionRow TlsNumber(std::string_view name, std::string_view initial, int64_t most,
                              SharedNumber Options::*field, std::string_view summary) {
  return OfContext({.name = name,
                    .type = OptionType::kInteger,
                    .default_value = initial,
                    .least = 0,
                    .most = most,
                    .changeable = true,
                    .summary = summary,
                    .field = field});
}

constexpr OptionRow kTlsOptions[] = {
    TlsNumber("tls-port", "0", 65535, &Options::tls_port,
              "TCP port for the Redis protocol with TLS; 0 for none. With port 0 there is no port without TLS."),
    TlsText("tls-cert-file", &Options::tls_cert_file,
            "Certificate of this server, PEM, with those between it and the authority behind it. CONFIG SET loads it "
            "anew; a file that can't be used changes nothing."),
    TlsText("tls-key-file", &Options::tls_key_file, "Private key of tls-cert-file, PEM."),
    Secret(TlsText("tls-key-file-pass", &Options::tls_key_file_pass, "Passphrase of tls-key-file.")),
    TlsText("tls-client-cert-file", &Options::tls_client_cert_file,
            "Certificate that this server shows where it connects to others; empty for tls-cert-file."),
    TlsText("tls-client-key-file", &Options::tls_client_key_file, "Private key of tls-client-cert-file, PEM."),
    Secret(
        TlsText("tls-client-key-file-pass", &Options::tls_client_key_file_pass, "Passphrase of tls-client-key-file.")),
    TlsText("tls-dh-params-file", &Options::tls_dh_params_file,
            "Parameters of Diffie-Hellman for TLS 1.2, PEM; empty for parameters that fit the key."),
    TlsText("tls-ca-cert-file", &Options::tls_ca_cert_file,
            "Certificates of authorities, PEM, that certificates of clients and other servers are verified against."),
    TlsText("tls-ca-cert-dir", &Options::tls_ca_cert_dir,
            "Directory with such certificates, named as openssl rehash does."),
    {.name = "tls-auth-clients",
     .type = OptionType::kChoice,
     .default_value = "yes",
     .choices = "no yes optional",
     .changeable = true,
     .summary = "Whether clients must show a certificate of one of the authorities. optional: one that is shown must "
                "be valid.",
     .field = &Options::tls_auth_clients},
    TlsText("tls-protocols", &Options::tls_protocols,
            "Versions of TLS, separated by spaces: TLSv1, TLSv1.1, TLSv1.2, TLSv1.3; empty for TLSv1.2 TLSv1.3."),
    TlsText("tls-ciphers", &Options::tls_ciphers,
            "Ciphers up to TLS 1.2, in the syntax of ciphers(1ssl); empty for those of OpenSSL."),
    TlsText("tls-ciphersuites", &Options::tls_ciphersuites,
            "Cipher suites of TLS 1.3, separated by colons; empty for those of OpenSSL."),
    TlsSwitch("tls-prefer-server-ciphers", "no", &Options::tls_prefer_server_ciphers,
              "Takes the cipher that comes first in the server's list, not in the client's."),
    TlsSwitch("tls-session-caching", "yes", &Options::tls_session_caching,
              "Lets clients resume sessions, which saves most of a handshake."),
    TlsNumber("tls-session-cache-size", "20480", INT32_MAX, &Options::tls_session_cache_size,
              "Sessions that are kept; 0 for no limit."),
    TlsNumber("tls-session-cache-timeout", "300", INT32_MAX, &Options::tls_session_cache_timeout,
              "Seconds for which a session may be resumed."),
    {.name = "tls-handshake-timeout",
     .type = OptionType::kInteger,
     .default_value = "10",
     .least = 1,
     .most = INT32_MAX,
     .changeable = true,
     .summary = "Seconds after which a client is closed whose handshake is not done.",
     .field = &Options::tls_handshake_timeout},
    TlsSwitch("tls-replication", "no", &Options::tls_replication,
              "Connects to the primary (replicaof, migrate-from) with TLS."),
    TlsSwitch("tls-cluster", "no", &Options::tls_cluster,
              "Connects to nodes of the cluster, and to targets of MIGRATE, with TLS; the ports in cluster-config are "
              "those of tls-port then."),
};

}  // namespace

std::span<const OptionRow> TlsOptions() { return kTlsOptions; }

}  // namespace ringkv::server
