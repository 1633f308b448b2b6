// SPDX-License-Identifier: MIT
// Writes and reads keys of a cluster until the input ends. Each line of the input begins a phase of that name. Prints
// what was done in each phase, how long commands took, and which failed or read something else than was written last.
// Arguments: ioredis or node-redis, a port, how many commands are under way, how many keys, bytes of a value.
const readline = require("node:readline");
const [library, port, concurrency, keys, size] = [process.argv[2], ...process.argv.slice(3).map(Number)];

const phases = {};
let phase;
let stopping = false;

function begin(name) {
  phase = { commands: 0, failures: [], latencies: [] };
  phases[name] = phase;
}

async function connect() {
  if (library === "ioredis") {
    const Redis = require("ioredis");
    const client = new Redis.Cluster([{ host: "127.0.0.1", port }]);
    return { get: (k) => client.get(k), set: (k, v) => client.set(k, v), end: () => client.disconnect() };
  }
  const { createCluster } = require("redis");
  const client = createCluster({ rootNodes: [{ url: `redis://127.0.0.1:${port}` }] });
  client.on("error", (error) => phase.failures.push(String(error)));
  await client.connect();
  return { get: (k) => client.get(k), set: (k, v) => client.set(k, v), end: () => client.quit() };
}

async function work(client, worker) {
  const written = new Map();
  const padding = "x".repeat(Math.max(size - 8, 0));
  for (let i = 0; !stopping; ++i) {
    const key = `${library}:${worker}:${Math.floor(Math.random() * (keys / concurrency))}`;
    const now = phase;
    const start = process.hrtime.bigint();
    try {
      if (Math.random() < 0.5) {
        const value = `${i}${padding}`;
        await client.set(key, value);
        written.set(key, value);
      } else {
        const got = await client.get(key);
        if (written.has(key) && got !== written.get(key)) now.failures.push(`${key} is ${got}, not ${written.get(key)}`);
      }
    } catch (error) {
      now.failures.push(String(error));
    }
    now.latencies.push(Number(process.hrtime.bigint() - start) / 1e6);
    ++now.commands;
  }
}

async function main() {
  begin("first");
  const client = await connect();
  const workers = [...Array(concurrency).keys()].map((worker) => work(client, worker));
  console.log("ready");
  for await (const line of readline.createInterface({ input: process.stdin })) begin(line);
  stopping = true;
  await Promise.all(workers);
  await client.end();
  for (const each of Object.values(phases)) {
    const sorted = Float64Array.from(each.latencies).sort();
    each.latencies = undefined;
    each.p50 = sorted[Math.floor(sorted.length * 0.5)];
    each.p99 = sorted[Math.floor(sorted.length * 0.99)];
    each.longest = sorted.at(-1);
  }
  // ioredis leaves a timer behind.
  process.stdout.write(JSON.stringify(phases), () => process.exit(0));
}

main();
