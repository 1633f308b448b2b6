// SPDX-License-Identifier: MIT
// The words of the handshake between nodes (docs/formats/node-link.md).
#pragma once

#include <string_view>

namespace ringkv::cluster {

// REPLCONF CAPA of a node that speaks this protocol.
constexpr std::string_view kLinkCapability = "ringkv1";
// REPLCONF option of a replica that speaks it, with its version. A redis-server knows no such option, and is not asked
// for a sync that it would begin in vain.
constexpr std::string_view kLinkOption = "node-link";
constexpr std::string_view kLinkVersion = "1";
// REPLCONF option of a node that means a certain other one, with its id: another node may have its address by now.
constexpr std::string_view kNodeOption = "at-node";
// REPLCONF CAPA of a replica that receives published messages.
constexpr std::string_view kPublishCapability = "ringkv-pubsub";

// REPLCONF options of a former primary that passes on what a client asks: the client's user, who has proven to be it,
// or who needed no password there. TRYAGAIN is the answer of a node that is no primary yet.
constexpr std::string_view kRelayOption = "relays-for";
constexpr std::string_view kUnprovenRelayOption = "relays-for-unproven";

}  // namespace ringkv::cluster
