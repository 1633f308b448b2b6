// SPDX-License-Identifier: MIT
// As sentinel_load.js, with node-redis. Arguments: the set, the ports of the sentinels.
const readline = require("node:readline");
const { createSentinel } = require("redis5");

const [set, ...ports] = process.argv.slice(2);
const client = createSentinel({
  name: "mymaster",
  sentinelRootNodes: ports.map((port) => ({ host: "127.0.0.1", port: Number(port) })),
  nodeClientOptions: { socket: { socketTimeout: 1000 } },
  scanInterval: 500,
});
client.on("error", () => {});

const acknowledged = [];
let slowest = 0;
let stopping = false;

async function work() {
  await client.connect();
  for (let number = 0; !stopping; ++number) {
    const start = Date.now();
    try {
      await client.sAdd(set, String(number));
      acknowledged.push(number);
    } catch (error) {
      // It is not acknowledged, which is all there is to note.
    }
    slowest = Math.max(slowest, Date.now() - start);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const working = work();
const input = readline.createInterface({ input: process.stdin });
input.on("line", () => console.log(JSON.stringify(acknowledged.length)));
input.on("close", async () => {
  stopping = true;
  await working;
  console.log(JSON.stringify({ acknowledged, slowest }));
  process.exit(0);
});
