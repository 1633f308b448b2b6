// SPDX-License-Identifier: MIT
// Adds numbers to a set through Sentinel until the input ends. Each line of the input is answered by how many additions
// were acknowledged so far; the end by all of them and the longest time that one took, in milliseconds.
// Arguments: the set, a password or nothing, the ports of the sentinels.
const readline = require("node:readline");
const Redis = require("ioredis");

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

const acknowledged = [];
let slowest = 0;
let stopping = false;

async function work() {
  for (let number = 0; !stopping; ++number) {
    const start = Date.now();
    try {
      await client.sadd(set, number);
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
  client.disconnect();
});
