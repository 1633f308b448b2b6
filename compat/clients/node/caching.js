// SPDX-License-Identifier: MIT
// Caches of client libraries: keys are read through them while another client writes, and what they have in the end is
// what the server has. Arguments: the library, the port. Prints what it has seen as JSON.
const [library, port] = process.argv.slice(2);
const KEYS = Array.from({ length: 20 }, (_, i) => `cached:${i}`);
const WRITES = 2000;

// node-redis has a cache of its own.
async function nodeRedis() {
  const { createClient, BasicClientSideCache } = require("redis5");
  const cache = new BasicClientSideCache({ recordStats: true });
  const client = createClient({ socket: { port: Number(port) }, RESP: 3, clientSideCache: cache });
  client.on("error", () => {});
  await client.connect();
  return {
    get: (key) => client.get(key),
    hits: () => cache.stats().hitCount,
    end: () => client.close(),
  };
}

// With ioredis one writes it: a second connection hears, and what was asked for before its word came is not kept.
async function ioredis() {
  const Redis = require("ioredis");
  const hears = new Redis(port);
  const client = new Redis(port);
  const kept = new Map();
  const asked = new Map();
  let hits = 0;
  const forget = (key) => {
    kept.delete(key);
    asked.delete(key);
  };
  const id = await hears.client("ID");
  await hears.subscribe("__redis__:invalidate");
  hears.on("message", (channel, keys) => {
    if (!keys) return [kept, asked].forEach((each) => each.clear());  // everything has changed
    return keys.split(",").forEach(forget);
  });
  await client.client("TRACKING", "ON", "REDIRECT", id);
  return {
    get: async (key) => {
      if (kept.has(key)) {
        ++hits;
        return kept.get(key);
      }
      const question = Symbol(key);
      asked.set(key, question);
      const value = await client.get(key);
      if (asked.get(key) === question) kept.set(key, value);
      return value;
    },
    hits: () => hits,
    end: () => Promise.all([client.quit(), hears.quit()]),
  };
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function main() {
  const Redis = require("ioredis");
  const writer = new Redis(port);
  const cache = await (library === "ioredis" ? ioredis() : nodeRedis());
  let isOver = false;
  let reads = 0;
  const readers = KEYS.map(async (key) => {
    while (!isOver) {
      await cache.get(key);
      if (++reads % 100 === 0) await sleep(0);
      await Promise.resolve();
    }
  });
  for (let i = 0; i < WRITES; ++i) await writer.set(KEYS[i % KEYS.length], String(i));
  isOver = true;
  await Promise.all(readers);
  // What it says at last; it may take a moment until the last word has come.
  const equals = async () => {
    for (const key of KEYS) if ((await cache.get(key)) !== (await writer.get(key))) return false;
    return true;
  };
  const becomesEqual = async () => {
    const end = Date.now() + 20000;
    while (!(await equals()) && Date.now() < end) await sleep(10);
    return equals();
  };
  const seen = { equal: await becomesEqual(), hits: cache.hits(), reads };
  // Not amid the reads: node-redis 5.12 keeps an answer that was on its way when everything changed.
  await writer.flushall();
  seen.flushed = await becomesEqual();
  await Promise.all([cache.end(), writer.quit()]);
  process.stdout.write(JSON.stringify(seen));
  process.exit(0);
}

main();
