// SPDX-License-Identifier: MIT
// Uses a cluster through ioredis and node-redis. The last argument is the port of one node.
const assert = require("node:assert");
const Redis = require("ioredis");
const { createCluster } = require("redis");

const port = Number(process.argv.at(-1));
const KEYS = 500;

async function withIoredis() {
  const client = new Redis.Cluster([{ host: "127.0.0.1", port }], { scaleReads: "slave" });
  const keys = [...Array(KEYS).keys()].map((i) => `ioredis:${i}`);
  await Promise.all(keys.map((key, i) => client.set(key, i)));
  for (const node of client.nodes("master")) await node.wait(1, 5000);
  const values = await Promise.all(keys.map((key) => client.get(key)));
  assert.deepStrictEqual(values, keys.map((_, i) => String(i)));
  assert.deepStrictEqual(
    await client.pipeline().set("{tag}a", "1").incr("{tag}a").exec(), [[null, "OK"], [null, 2]]);
  const transaction = await client.multi().set("{tag}b", "1").get("{tag}b").exec();
  assert.deepStrictEqual(transaction, [[null, "OK"], [null, "1"]]);
  await assert.rejects(client.mget("a", "b"), /CROSSSLOT/);
  assert.strictEqual(client.nodes("master").length, 3);
  client.disconnect();
}

async function withNodeRedis() {
  const client = createCluster({ rootNodes: [{ url: `redis://127.0.0.1:${port}` }], useReplicas: false });
  client.on("error", (error) => { throw error; });
  await client.connect();
  const keys = [...Array(KEYS).keys()].map((i) => `node-redis:${i}`);
  await Promise.all(keys.map((key, i) => client.set(key, String(i))));
  const values = await Promise.all(keys.map((key) => client.get(key)));
  assert.deepStrictEqual(values, keys.map((_, i) => String(i)));
  assert.deepStrictEqual(await client.multi().set("{tag}c", "1").incr("{tag}c").exec(), ["OK", 2]);
  assert.strictEqual(client.masters.length, 3);
  await client.quit();
}

withIoredis().then(withNodeRedis).then(() => console.log("ioredis and node-redis work")).catch((error) => {
  console.error(error);
  process.exit(1);
});
