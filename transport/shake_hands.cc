// SPDX-License-Identifier: MIT
#include "transport/shake_hands.h"

#include <poll.h>

#include <algorithm>
#include <chrono>

namespace ringkv::transport {

using storage::Fail;

storage::Status ShakeHands(Channel& channel, const TlsContext& context, const std::string& host, int64_t timeout_ms,
                           const std::function<bool()>& is_stopped) {
  using Clock = std::chrono::steady_clock;
  constexpr int64_t kSliceMs = 100;
  const auto end = Clock::now() + std::chrono::milliseconds(timeout_ms);
  channel.Begin(context.Connect(channel.descriptor(), host));
  if (channel.session() == nullptr) return Fail("no memory for a TLS session");
  for (;;) {
    const TlsSession::Handshake step = channel.session()->Shake();
    if (step == TlsSession::Handshake::kDone) return {};
    if (step == TlsSession::Handshake::kFailed) return Fail("TLS: " + channel.session()->error());
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    if (is_stopped()) return Fail("the link was closed");
    if (left <= 0) return Fail("no TLS handshake within " + std::to_string(timeout_ms) + " ms");
    pollfd waiting{channel.descriptor(),
                   static_cast<short>(step == TlsSession::Handshake::kWantsWrite ? POLLOUT : POLLIN), 0};
    ::poll(&waiting, 1, static_cast<int>(std::min<int64_t>(left, kSliceMs)));
  }
}

}  // namespace ringkv::transport
