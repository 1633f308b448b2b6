// SPDX-License-Identifier: MIT
// As sentinel_load.js, with node-redis. Arguments: the set, the ports of the sentinels.
const { createSentinel } = require("redis5");
const addUntilTheInputEnds = require("./additions");

const [set, ...ports] = process.argv.slice(2);
const client = createSentinel({
  name: "mymaster",
  sentinelRootNodes: ports.map((port) => ({ host: "127.0.0.1", port: Number(port) })),
  nodeClientOptions: { socket: { socketTimeout: 1000 } },
  scanInterval: 500,
});
client.on("error", () => {});

client.connect().then(() =>
  addUntilTheInputEnds((number) => client.sAdd(set, String(number)), () => process.exit(0)),
);
