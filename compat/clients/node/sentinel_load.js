// SPDX-License-Identifier: MIT
// Adds numbers to a set through Sentinel, as additions.js says.
// Arguments: the set, a password or nothing, the ports of the sentinels.
const Redis = require("ioredis");
const addUntilTheInputEnds = require("./additions");

const [set, password, ...ports] = process.argv.slice(2);
const client = new Redis({
  sentinels: ports.map((port) => ({ host: "127.0.0.1", port: Number(port) })),
  name: "mymaster",
  password: password || undefined,
  socketTimeout: 1000, // of a primary that hangs; failoverDetector may end the client while it connects
  sentinelRetryStrategy: () => 50,
  retryStrategy: () => 50,
  reconnectOnError: (error) => (error.message.startsWith("READONLY") ? 2 : false),
});
client.on("error", () => {});

addUntilTheInputEnds((number) => client.sadd(set, number), () => client.disconnect());
