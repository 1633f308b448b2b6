// SPDX-License-Identifier: MIT
// Certificates for a test, made when it runs.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "tests/support/temp_dir.h"

namespace ringkv::test {

class Certificate {
 public:
  // `by`: who signs it; null: itself. It ends so many seconds from now, before which it has begun.
  explicit Certificate(const std::string& name, const Certificate* by = nullptr, long seconds = 24 * 3600)
      : key_(EVP_EC_gen("P-256"), &EVP_PKEY_free), certificate_(X509_new(), &X509_free) {
    X509* const made = certificate_.get();
    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made), static_cast<long>(std::hash<std::string>()(name) % 1'000'000));
    X509_gmtime_adj(X509_getm_notBefore(made), -2 * 24 * 3600L);
    X509_gmtime_adj(X509_getm_notAfter(made), seconds);
    X509_set_pubkey(made, key_.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(made, X509_get_subject_name(by == nullptr ? made : by->certificate_.get()));
    if (by == nullptr) {
      X509_EXTENSION* const is_authority = X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "CA:TRUE");
      X509_add_ext(made, is_authority, -1);
      X509_EXTENSION_free(is_authority);
    }
    X509_sign(made, by == nullptr ? key_.get() : by->key_.get(), EVP_sha256());
  }

  // PEM.
  std::string Text() const {
    return Printed([this](BIO* out) { PEM_write_bio_X509(out, certificate_.get()); });
  }
  std::string Key(std::string passphrase = {}) const {
    return Printed([&](BIO* out) {
      PEM_write_bio_PrivateKey(out, key_.get(), passphrase.empty() ? nullptr : EVP_aes_128_cbc(), nullptr, 0, nullptr,
                               passphrase.empty() ? nullptr : passphrase.data());
    });
  }

 private:
  template <class Print>
  static std::string Printed(const Print& print) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
    print(out.get());
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return std::string(text, static_cast<size_t>(size));
  }

  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
  std::unique_ptr<X509, decltype(&X509_free)> certificate_;
};

}  // namespace ringkv::test
