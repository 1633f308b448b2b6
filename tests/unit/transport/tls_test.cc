// SPDX-License-Identifier: MIT
// TLS keeps what callers know of recv and send, whatever pieces the bytes come and go in; a context is made as a whole
// or not at all.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <memory>
#include <random>
#include <string>

#include "tests/support/certificates.h"
#include "transport/channel.h"
#include "transport/tls_context.h"

namespace ringkv::transport {
namespace {

using test::Certificate;

class TlsTest : public testing::Test {
 protected:
  TlsTest() {
    settings_.own = {files_.Write("own.crt", own_.Text()), files_.Write("own.key", own_.Key()), ""};
    settings_.ca_file = files_.Write("ca.crt", authority_.Text());
  }

  std::shared_ptr<const TlsContext> Loaded() {
    auto loaded = TlsContext::Load(settings_);
    EXPECT_TRUE(loaded) << loaded.error().text;
    return loaded ? *loaded : nullptr;
  }
  std::string WhyNot() {
    const auto loaded = TlsContext::Load(settings_);
    return loaded ? "" : loaded.error().text;
  }

  // Two ends with a relay in between that passes on at most so many bytes at a time, in either direction.
  void Connect(const TlsContext& server, const TlsContext& client, size_t piece,
               ClientCertificates certificates = ClientCertificates::kRequired) {
    int near[2];
    int far[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, near), 0);
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, far), 0);
    const int small = 4096;  // writes come to their end soon
    ::setsockopt(near[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    ::setsockopt(far[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    server_ = Channel(near[0]);
    client_ = Channel(far[0]);
    relay_[0] = Channel(near[1]);
    relay_[1] = Channel(far[1]);
    piece_ = piece;
    server_.Begin(server.Accept(server_.descriptor(), certificates));
    client_.Begin(client.Connect(client_.descriptor(), "a.name"));
  }
  // False if neither direction has anything.
  bool Relay() {
    bool has_moved = false;
    for (int from : {0, 1}) {
      std::string room(piece_, 0);
      const ssize_t got = relay_[from].Receive(room.data(), room.size());
      if (got <= 0) continue;
      EXPECT_EQ(relay_[1 - from].Send(room.data(), static_cast<size_t>(got)), got);
      has_moved = true;
    }
    return has_moved;
  }
  TlsSession::Handshake Shake() {
    using enum TlsSession::Handshake;
    auto here = kWantsRead;
    auto there = kWantsRead;
    for (int round = 0; round < 100'000; ++round) {
      if (here != kDone && here != kFailed) here = server_.session()->Shake();
      if (there != kDone && there != kFailed) there = client_.session()->Shake();
      if (here == kFailed || there == kFailed) return kFailed;
      if (here == kDone && there == kDone) return kDone;
      Relay();
    }
    return kWantsRead;
  }
  // Sends `text` as callers do, and returns what arrives.
  std::string Pass(Channel& from, Channel& to, const std::string& text, size_t step) {
    std::string arrived;
    size_t sent = 0;
    std::string room(step, 0);
    while (arrived.size() < text.size()) {
      if (sent < text.size()) {
        const ssize_t more = from.Send(text.data() + sent, text.size() - sent);
        if (more < 0 && errno != EAGAIN) return "broken";
        if (more > 0) sent += static_cast<size_t>(more);
      }
      const bool has_moved = Relay();
      for (;;) {
        const ssize_t got = to.Receive(room.data(), room.size());
        if (got < 0 && errno != EAGAIN) return "broken";
        if (got > 0) arrived.append(room, 0, static_cast<size_t>(got));
        if (got < static_cast<ssize_t>(step)) break;  // nothing is left
      }
      if (!has_moved && sent == text.size() && arrived.size() < text.size()) return arrived + "... and no more";
    }
    return arrived;
  }

  const test::TempDir files_;
  const Certificate authority_{"authority"};
  const Certificate own_{"own", &authority_};
  TlsSettings settings_;
  Channel server_;
  Channel client_;
  Channel relay_[2];
  size_t piece_ = 1;
};

TEST_F(TlsTest, AllBytesArriveWhateverPiecesTheyComeIn) {
  const auto context = Loaded();
  std::mt19937 random(7);
  for (const std::string protocol : {"TLSv1.2", "TLSv1.3"}) {
    settings_.protocols = protocol;
    const auto limited = Loaded();
    for (const size_t piece : {1, 3, 50, 1000, 5000}) {
      Connect(*context, *limited, piece);
      ASSERT_EQ(Shake(), TlsSession::Handshake::kDone) << server_.session()->error() << client_.session()->error();
      for (const size_t size : {1, 2, 100, 16 * 1024, 16 * 1024 + 1, 200'000}) {
        if (piece < 50 && size > 100'000) continue;
        std::string text(size, 0);
        std::generate(text.begin(), text.end(), [&] { return static_cast<char>(random()); });
        for (const size_t step : {size_t{1}, size_t{100}, size_t{64 * 1024}}) {
          if (step == 1 && size > 1000) continue;
          EXPECT_EQ(Pass(client_, server_, text, step), text) << piece << " " << size << " " << step;
          EXPECT_EQ(Pass(server_, client_, text, step), text) << piece << " " << size << " " << step;
        }
      }
    }
  }
}

TEST_F(TlsTest, WhatIsNotTakenIsNotReportedAsSent) {
  const auto context = Loaded();
  Connect(*context, *context, 100'000);
  ASSERT_EQ(Shake(), TlsSession::Handshake::kDone);
  const std::string text(1 << 20, 'x');
  size_t sent = 0;
  for (ssize_t more = 0; more >= 0; sent += static_cast<size_t>(std::max<ssize_t>(more, 0))) {
    more = server_.Send(text.data() + sent, text.size() - sent);
  }
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_LT(sent, 300'000u) << "it is kept here, where nobody counts it";
}

TEST_F(TlsTest, AnEndIsSeenOnceAllIsRead) {
  const auto context = Loaded();
  Connect(*context, *context, 100'000);
  ASSERT_EQ(Shake(), TlsSession::Handshake::kDone);
  EXPECT_EQ(Pass(client_, server_, "last words", 100), "last words");
  ASSERT_EQ(client_.Send("more", 4), 4);
  client_ = Channel();
  Relay();
  char room[100];
  EXPECT_EQ(server_.Receive(room, sizeof room), 4);
  EXPECT_EQ(server_.Receive(room, sizeof room), 0);
}

TEST_F(TlsTest, ASessionOutlivesItsContext) {
  auto context = Loaded();
  Connect(*context, *context, 1000);
  context.reset();
  ASSERT_EQ(Shake(), TlsSession::Handshake::kDone);
  Channel moved = std::move(server_);
  EXPECT_EQ(Pass(client_, moved, "here too", 100), "here too");
}

TEST_F(TlsTest, APeerWithoutAValidCertificateIsRefused) {
  const auto context = Loaded();
  const Certificate stranger("stranger");
  const Certificate late("late", &authority_, -3600);
  for (const Certificate* bad : {&stranger, &late}) {
    TlsSettings settings = settings_;
    settings.own = {files_.Write("bad.crt", bad->Text()), files_.Write("bad.key", bad->Key()), ""};
    const auto other = TlsContext::Load(settings);
    ASSERT_TRUE(other) << other.error().text;
    Connect(*context, **other, 1000);
    EXPECT_EQ(Shake(), TlsSession::Handshake::kFailed);
    Connect(**other, *context, 1000);
    EXPECT_EQ(Shake(), TlsSession::Handshake::kFailed);
    EXPECT_NE(client_.session()->error().find("certificate verify failed"), std::string::npos);
  }
}

TEST_F(TlsTest, ClientsMayNeedACertificateOrNot) {
  const auto context = Loaded();
  TlsSettings without;
  without.ca_file = settings_.ca_file;
  const auto tool = TlsContext::LoadForTool(without);
  ASSERT_TRUE(tool) << tool.error().text;
  for (const auto certificates : {ClientCertificates::kNotAsked, ClientCertificates::kOptional}) {
    Connect(*context, **tool, 1000, certificates);
    EXPECT_EQ(Shake(), TlsSession::Handshake::kDone);
  }
  Connect(*context, **tool, 1000, ClientCertificates::kRequired);
  // With TLS 1.3 the client has no answer to wait for.
  while (Shake() != TlsSession::Handshake::kFailed) ASSERT_TRUE(Relay());
  EXPECT_NE(server_.session()->error().find("peer did not return a certificate"), std::string::npos);
}

TEST_F(TlsTest, BytesThatAreNoTlsFail) {
  const auto context = Loaded();
  Connect(*context, *context, 1000);
  const std::string plain = "*1\r\n$4\r\nPING\r\n";
  ASSERT_EQ(::send(client_.descriptor(), plain.data(), plain.size(), 0), static_cast<ssize_t>(plain.size()));
  Relay();
  EXPECT_EQ(server_.session()->Shake(), TlsSession::Handshake::kFailed);
  EXPECT_NE(server_.session()->error().find("wrong version number"), std::string::npos);
}

TEST_F(TlsTest, AnErrorNamesFileAndReason) {
  const TlsSettings good = settings_;
  const Certificate other("other", &authority_);
  const auto expect = [&](const std::function<void()>& spoil, const std::string& begin, const std::string& part) {
    settings_ = good;
    spoil();
    const std::string why = WhyNot();
    EXPECT_TRUE(why.starts_with(begin)) << why;
    EXPECT_NE(why.find(part), std::string::npos) << why;
    EXPECT_EQ(why.find('\n'), std::string::npos);
  };
  expect([&] { settings_.own.certificate_file = ""; }, "No tls-cert-file configured!", "");
  expect([&] { settings_.own.key_file = ""; }, "No tls-key-file configured!", "");
  expect([&] { settings_.ca_file = ""; }, "Either tls-ca-cert-file or tls-ca-cert-dir must be specified", "");
  expect([&] { settings_.own.certificate_file = "/nope"; },
         "Failed to load certificate: /nope: ", "No such file or directory");
  expect([&] { settings_.own.key_file = files_.Write("other.key", other.Key()); },
         "Failed to load private key: ", "key values mismatch");
  expect([&] { settings_.own.key_file = settings_.ca_file; }, "Failed to load private key: " + good.ca_file, "error:");
  expect([&] { settings_.own.key_file = files_.Write("locked.key", own_.Key("secret")); },
         "Failed to load private key: ", "error:");
  expect([&] { settings_.ca_file = good.own.key_file; },
         "Failed to configure CA certificate(s) file/directory: ", good.own.key_file);
  expect([&] { settings_.dh_parameters_file = "/nope"; }, "Failed to load /nope: No such file or directory", "");
  expect([&] { settings_.dh_parameters_file = good.ca_file; }, good.ca_file, "DH params");
  expect([&] { settings_.protocols = "TLSv1.2 SSLv3"; }, "Invalid tls-protocols specified.", "");
  expect([&] { settings_.ciphers = "foo"; }, "Failed to configure ciphers: foo", "");
  expect([&] { settings_.cipher_suites = "foo"; }, "Failed to configure ciphersuites: foo", "");
  settings_ = good;
  settings_.own.key_file = files_.Write("locked.key", own_.Key("secret"));
  settings_.own.key_passphrase = "secret";
  EXPECT_EQ(WhyNot(), "");
}

TEST_F(TlsTest, AKeyOfAnotherTypeThanTheCertificatesIsRefused) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_RSA_gen(2048), &EVP_PKEY_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
  PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  settings_.own.key_file = files_.Write("rsa.key", std::string(text, static_cast<size_t>(size)));
  EXPECT_NE(WhyNot().find("rsa.key: it is not the key of the certificate"), std::string::npos) << WhyNot();
}

TEST_F(TlsTest, TheEndsOfCertificatesAreKnown) {
  const auto context = Loaded();
  ASSERT_EQ(context->ends().size(), 2u);
  EXPECT_EQ(context->ends()[0].use, "server");
  EXPECT_EQ(context->ends()[0].file, settings_.own.certificate_file);
  EXPECT_NEAR(static_cast<double>(context->ends()[0].seconds), static_cast<double>(::time(nullptr)) + 24 * 3600, 60);
  EXPECT_EQ(context->ends()[1].use, "ca");
}

}  // namespace
}  // namespace ringkv::transport
