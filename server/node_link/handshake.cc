// SPDX-License-Identifier: MIT
#include "server/node_link/handshake.h"

#include "cluster/link/handshake.h"
#include "resp/request_writer.h"

namespace ringkv::server {

storage::Result<std::string> AskForAnyReply(PeerSocket& socket, int64_t timeout_ms,
                                            const std::vector<std::string>& command) {
  if (storage::Status sent = socket.Send(resp::EncodeRequest(command), timeout_ms); !sent) {
    return tl::unexpected(sent.error());
  }
  return socket.ReceiveLine(cluster::kLongestReply, timeout_ms);
}

storage::Result<std::string> Ask(PeerSocket& socket, int64_t timeout_ms, const std::vector<std::string>& command) {
  storage::Result<std::string> line = AskForAnyReply(socket, timeout_ms, command);
  if (!line) return line;
  const storage::Status accepted = cluster::CheckNoError(command[0], *line);
  return accepted ? line : tl::unexpected(accepted.error());
}

std::vector<std::string> AuthCommand(const Options& options) {
  const std::string password = options.masterauth.Get();
  if (password.empty()) return {};
  const std::string user = options.masteruser.Get();
  return user.empty() ? std::vector<std::string>{"AUTH", password} : std::vector<std::string>{"AUTH", user, password};
}

storage::Status Authenticate(PeerSocket& socket, const Options& options, int64_t timeout_ms) {
  const std::vector<std::string> command = AuthCommand(options);
  if (command.empty()) return {};
  const storage::Result<std::string> answer = AskForAnyReply(socket, timeout_ms, command);
  return answer ? cluster::CheckAuthReply(command, *answer) : tl::unexpected(answer.error());
}

}  // namespace ringkv::server
