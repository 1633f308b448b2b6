// SPDX-License-Identifier: MIT
// Messages between clients.
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/cluster/cluster_state.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/composition/server.h"
#include "server/execution/transaction.h"
#include "server/replication/replication.h"
#include "server/session/session.h"

namespace ringkv::server {
namespace {

constexpr struct {
  std::string_view subscribed;
  std::string_view unsubscribed;
} kWords[] = {{"subscribe", "unsubscribe"}, {"psubscribe", "punsubscribe"}, {"ssubscribe", "sunsubscribe"}};

constexpr std::string_view kTooManyMessages =
    "ERR the script publishes more than script-memory-limit or scripts-memory-limit allows";

// CLIENT REPLY OFF and SKIP don't hold back what tells a subscriber its state.
void PushState(AdminCall& call, std::string_view what, const std::string_view* name, size_t count) {
  resp::ReplyWriter& reply = call.pushes;
  reply.set_protocol(call.session.protocol);
  reply.Push(3);
  reply.Bulk(what);
  name == nullptr ? reply.Null() : reply.Bulk(*name);
  reply.Integer(static_cast<int64_t>(count));
}

void Subscribe(AdminCall& call, Topic topic) {
  Session& session = call.session;
  const auto most = static_cast<size_t>(call.server.options().pubsub_max_subscriptions.load());
  for (size_t i = 1; i < call.args.size(); ++i) {
    const std::string_view name = call.args[i];
    auto& names = session.subscriptions.of(topic);
    if (!names.contains(name)) {
      if (names.size() >= most) {
        return call.reply.Error("ERR this client has as many subscriptions as pubsub-max-subscriptions allows (" +
                                std::to_string(most) + ")");
      }
      session.subscriptions.Add(topic, name);
      call.server.broker().Add(topic, name, *session.card);
    }
    PushState(call, kWords[static_cast<size_t>(topic)].subscribed, &name, session.subscriptions.CountFor(topic));
  }
  session.NoteSubscriptions();
}

void Unsubscribe(AdminCall& call, Topic topic) {
  Session& session = call.session;
  auto& names = session.subscriptions.of(topic);
  const std::string_view what = kWords[static_cast<size_t>(topic)].unsubscribed;
  std::vector<std::string> leaving;
  for (size_t i = 1; i < call.args.size(); ++i) leaving.emplace_back(call.args[i]);
  if (call.args.size() == 1) leaving.assign(names.begin(), names.end());
  for (const std::string& each : leaving) {
    if (session.subscriptions.Remove(topic, each)) call.server.broker().Remove(topic, each, *session.card);
    const std::string_view name = each;
    PushState(call, what, &name, session.subscriptions.CountFor(topic));
  }
  if (leaving.empty()) PushState(call, what, nullptr, session.subscriptions.CountFor(topic));
  session.NoteSubscriptions();
}

cluster::PublishedMessage MessageOf(std::span<const std::string_view> argv, bool in_shard) {
  return {.in_shard = in_shard, .channel = argv[1], .message = argv[2]};
}

struct Publisher {
  explicit Publisher(const AdminCall& call)
      : thread(call.thread.index), tells_over(call.session.tells_over), is_node(call.session.speaks_node_link) {}

  size_t thread;      // where its call runs
  size_t tells_over;  // the thread whose connections lead to the other nodes
  bool is_node;       // of the cluster
};

// Forwards the message to the other nodes of a cluster, unless it comes from one, or to the replicas of a primary.
void TellOthers(Server& server, const Publisher& publisher, std::span<const std::string_view> argv, bool in_shard) {
  if (server.cluster().is_enabled()) {
    if (!publisher.is_node) server.links().TellNodes(publisher.thread, publisher.tells_over, in_shard, argv);
  } else if (!server.replication().is_replica()) {
    server.replication().feeds().Publish(MessageOf(argv, in_shard));
  }
}

bool HasOthers(Server& server, const Publisher& publisher) {
  if (server.cluster().is_enabled()) return !publisher.is_node;
  return !server.replication().is_replica() && server.replication().feeds().may_have_replicas();
}

size_t BytesOf(const Broker::Addressed& addressed) {
  size_t bytes = sizeof addressed;
  for (const Broker::Delivery& each : addressed.deliveries) bytes += sizeof each + each.bytes->size();
  return bytes;
}

// Others are to see the message behind all that the transaction does. A script that begins again would publish it
// twice, so its subscribers get it at the end too. False if the script has no memory left for that.
bool PublishAtEnd(AdminCall& call, Broker::Addressed addressed, bool in_shard) {
  Server& server = call.server;
  const Publisher publisher(call);
  if (!MayBeUndone(call)) Broker::Send(server.links(), publisher.thread, std::exchange(addressed, {}));
  const bool has_others = HasOthers(server, publisher);
  if (addressed.deliveries.empty() && !has_others) return true;
  std::vector<std::string> words;
  if (has_others) words.assign(call.args.all().begin(), call.args.all().end());
  size_t bytes = BytesOf(addressed);
  for (const std::string& word : words) bytes += sizeof word + word.size();
  return AfterUnlock(call, bytes,
                     [&server, publisher, addressed = std::move(addressed), words = std::move(words), in_shard] {
                       Broker::Send(server.links(), publisher.thread, addressed);
                       if (words.empty()) return;
                       const std::vector<std::string_view> argv(words.begin(), words.end());
                       TellOthers(server, publisher, argv, in_shard);
                     });
}

void PublishOn(AdminCall& call, bool in_shard) {
  Server& server = call.server;
  Broker::Addressed addressed = server.broker().Address(MessageOf(call.args.all(), in_shard));
  const auto receivers = static_cast<int64_t>(addressed.receivers);
  if (call.in_transaction) {
    if (!PublishAtEnd(call, std::move(addressed), in_shard)) return call.reply.Error(kTooManyMessages);
  } else {
    Broker::Send(server.links(), call.thread.index, addressed);
    TellOthers(server, Publisher(call), call.args.all(), in_shard);
  }
  call.reply.Integer(receivers);  // behind the message, if the client gets that too
}

void Publish(AdminCall& call) { PublishOn(call, false); }
void SPublish(AdminCall& call) { PublishOn(call, true); }

void ReplyNames(AdminCall& call, Topic topic) {
  if (call.args.size() > 3) {
    return call.reply.Error(WrongSubcommand(call.args[1], "PUBSUB"));
  }
  const std::string pattern(call.args.size() == 3 ? call.args[2] : "");
  const std::vector<std::string> names = call.server.broker().Names(topic, call.args.size() == 3 ? &pattern : nullptr);
  call.reply.Array(static_cast<int64_t>(names.size()));
  for (const std::string& name : names) call.reply.Bulk(name);
}

void ReplyCounts(AdminCall& call, Topic topic) {
  call.reply.Array(static_cast<int64_t>(call.args.size() - 2) * 2);
  for (size_t i = 2; i < call.args.size(); ++i) {
    call.reply.Bulk(call.args[i]);
    call.reply.Integer(static_cast<int64_t>(call.server.broker().CountSubscribers(topic, call.args[i])));
  }
}

void NumPat(AdminCall& call) {
  call.reply.Integer(static_cast<int64_t>(call.server.broker().CountNames(Topic::kPattern)));
}

constexpr uint32_t kSubscribing = kPubSub | kNoScript | kLoading | kStale;
constexpr uint32_t kPublishing = kPubSub | kLoading | kStale | kFast;
constexpr uint32_t kAsking = kPubSub | kLoading | kStale;

constexpr Command kPubSubCommands[] = {
    {.name = "psubscribe",
     .arity = -2,
     .flags = kSubscribing,
     .traits = kForSubscribers,
     .channels = ChannelsToEnd(kChannelSubscribe | kChannelPattern),
     .group = Group::kPubSub,
     .since = "2.0.0",
     .complexity = "O(N) in the number of patterns",
     .syntax = "pattern [pattern ...]",
     .summary = "Subscribes to the channels that match patterns.",
     .run = Admin([](AdminCall& call) { Subscribe(call, Topic::kPattern); })},
    {.name = "publish",
     .arity = 3,
     .flags = kPublishing,
     .traits = kImpersonal | kMayReplicate | kRepeats,
     .needs = kNeedsNoHandOver,
     .channels = OneChannel(kChannelPublish),
     .group = Group::kPubSub,
     .since = "2.0.0",
     .complexity = "O(N+M) in the number of subscribers and of all patterns",
     .syntax = "channel message",
     .summary = "Publishes a message to a channel.",
     .run = Admin(Publish)},
    {.name = "pubsub",
     .arity = -2,
     .group = Group::kPubSub,
     .since = "2.8.0",
     .complexity = "Depends on subcommand.",
     .summary = "Container of commands about channels and subscribers.",
     .is_container = true},
    {.name = "channels",
     .parent = "pubsub",
     .arity = -2,
     .flags = kAsking,
     .traits = kOnlyShows,
     .group = Group::kPubSub,
     .since = "2.8.0",
     .complexity = "O(N) in the number of channels",
     .syntax = "[pattern]",
     .summary = "Lists channels with subscribers.",
     .run = Admin([](AdminCall& call) { ReplyNames(call, Topic::kChannel); })},
    {.name = "help",
     .parent = "pubsub",
     .arity = 2,
     .flags = kLoading | kStale,
     .traits = kOnlyShows,
     .group = Group::kPubSub,
     .since = "6.2.0",
     .summary = "Lists the subcommands.",
     .run = Admin(ReplyHelp)},
    {.name = "numpat",
     .parent = "pubsub",
     .arity = 2,
     .flags = kAsking,
     .traits = kOnlyShows,
     .group = Group::kPubSub,
     .since = "2.8.0",
     .summary = "Counts the patterns with subscribers.",
     .run = Admin(NumPat)},
    {.name = "numsub",
     .parent = "pubsub",
     .arity = -2,
     .flags = kAsking,
     .traits = kOnlyShows,
     .group = Group::kPubSub,
     .since = "2.8.0",
     .complexity = "O(N) in the number of channels asked for",
     .syntax = "[channel [channel ...]]",
     .summary = "Counts the subscribers of channels.",
     .run = Admin([](AdminCall& call) { ReplyCounts(call, Topic::kChannel); })},
    {.name = "shardchannels",
     .parent = "pubsub",
     .arity = -2,
     .flags = kAsking,
     .traits = kOnlyShows,
     .group = Group::kPubSub,
     .since = "7.0.0",
     .complexity = "O(N) in the number of shard channels",
     .syntax = "[pattern]",
     .summary = "Lists shard channels with subscribers.",
     .run = Admin([](AdminCall& call) { ReplyNames(call, Topic::kShardChannel); })},
    {.name = "shardnumsub",
     .parent = "pubsub",
     .arity = -2,
     .flags = kAsking,
     .traits = kOnlyShows,
     .group = Group::kPubSub,
     .since = "7.0.0",
     .complexity = "O(N) in the number of channels asked for",
     .syntax = "[shardchannel [shardchannel ...]]",
     .summary = "Counts the subscribers of shard channels.",
     .run = Admin([](AdminCall& call) { ReplyCounts(call, Topic::kShardChannel); })},
    {.name = "punsubscribe",
     .arity = -1,
     .flags = kSubscribing,
     .traits = kForSubscribers,
     .channels = ChannelsToEnd(kChannelUnsubscribe | kChannelPattern),
     .group = Group::kPubSub,
     .since = "2.0.0",
     .complexity = "O(N) in the number of patterns",
     .syntax = "[pattern [pattern ...]]",
     .summary = "Unsubscribes from these patterns, or from all.",
     .run = Admin([](AdminCall& call) { Unsubscribe(call, Topic::kPattern); })},
    {.name = "spublish",
     .arity = 3,
     .flags = kPublishing,
     .traits = kImpersonal | kMayReplicate | kRepeats,
     .keys = OneKey(kKeyNot),
     .channels = OneChannel(kChannelPublish),
     .group = Group::kPubSub,
     .since = "7.0.0",
     .complexity = "O(N) in the number of subscribers",
     .syntax = "shardchannel message",
     .summary = "Publishes a message to a shard channel.",
     .run = Admin(SPublish)},
    {.name = "ssubscribe",
     .arity = -2,
     .flags = kSubscribing,
     .traits = kForSubscribers,
     .keys = KeysToEnd(kKeyNot),
     .channels = ChannelsToEnd(kChannelSubscribe),
     .group = Group::kPubSub,
     .since = "7.0.0",
     .complexity = "O(N) in the number of channels",
     .syntax = "shardchannel [shardchannel ...]",
     .summary = "Subscribes to shard channels.",
     .run = Admin([](AdminCall& call) { Subscribe(call, Topic::kShardChannel); })},
    {.name = "subscribe",
     .arity = -2,
     .flags = kSubscribing,
     .traits = kForSubscribers,
     .channels = ChannelsToEnd(kChannelSubscribe),
     .group = Group::kPubSub,
     .since = "2.0.0",
     .complexity = "O(N) in the number of channels",
     .syntax = "channel [channel ...]",
     .summary = "Subscribes to channels.",
     .run = Admin([](AdminCall& call) { Subscribe(call, Topic::kChannel); })},
    {.name = "sunsubscribe",
     .arity = -1,
     .flags = kSubscribing,
     .traits = kForSubscribers,
     .keys = KeysToEnd(kKeyNot),
     .channels = ChannelsToEnd(kChannelUnsubscribe),
     .group = Group::kPubSub,
     .since = "7.0.0",
     .complexity = "O(N) in the number of channels",
     .syntax = "[shardchannel [shardchannel ...]]",
     .summary = "Unsubscribes from these shard channels, or from all.",
     .run = Admin([](AdminCall& call) { Unsubscribe(call, Topic::kShardChannel); })},
    {.name = "unsubscribe",
     .arity = -1,
     .flags = kSubscribing,
     .traits = kForSubscribers,
     .channels = ChannelsToEnd(kChannelUnsubscribe),
     .group = Group::kPubSub,
     .since = "2.0.0",
     .complexity = "O(N) in the number of channels",
     .syntax = "[channel [channel ...]]",
     .summary = "Unsubscribes from these channels, or from all.",
     .run = Admin([](AdminCall& call) { Unsubscribe(call, Topic::kChannel); })},
};
static_assert(RowsAreSound(kPubSubCommands));

}  // namespace

std::span<const Command> PubSubCommands() { return kPubSubCommands; }

}  // namespace ringkv::server
