// SPDX-License-Identifier: MIT
// Tries servers with TLS by ioredis and by node-redis: tls.js ATTEMPTS, a JSON list of {library, port, ca, cert, key},
// with paths of PEM files. Prints a JSON list: "ok", or why not.
"use strict";
const fs = require("fs");
const Redis = require("ioredis");
const { createClient } = require("redis");

const read = (path) => (path ? fs.readFileSync(path) : undefined);
const files = ({ ca, cert, key }) => ({ ca: read(ca), cert: read(cert), key: read(key) });

const libraries = {
  ioredis: (attempt, note) => {
    const client = new Redis({
      host: "127.0.0.1", port: attempt.port, tls: files(attempt), retryStrategy: null, lazyConnect: true,
      maxRetriesPerRequest: 0,
    });
    client.on("error", note);
    return {
      connect: () => client.connect(),
      set: (key, value) => client.set(key, value),
      get: (key) => client.get(key),
      many: async (count) => {
        const pipeline = client.pipeline();
        for (let i = 0; i < count; i++) pipeline.incr("counter");
        return (await pipeline.exec()).map(([, value]) => value);
      },
      close: () => client.disconnect(),
    };
  },
  "node-redis": (attempt, note) => {
    const client = createClient({
      socket: { host: "127.0.0.1", port: attempt.port, tls: true, reconnectStrategy: false, ...files(attempt) },
    });
    client.on("error", note);
    return {
      connect: () => client.connect(),
      set: (key, value) => client.set(key, value),
      get: (key) => client.get(key),
      many: (count) => Promise.all(Array.from({ length: count }, () => client.incr("counter"))),
      close: () => client.disconnect(),
    };
  },
};

async function exercise(client) {
  const value = "x".repeat(300000);
  if ((await client.set("large", value)) !== "OK") return "SET";
  if ((await client.get("large")) !== value) return "GET";
  await client.set("counter", "0");
  const counts = await client.many(500);
  return counts.every((count, i) => count === i + 1) ? "ok" : "pipeline";
}

async function attempt(what) {
  let timer;
  let cause;
  // The first event says why; what is rejected later, only that the connection is closed.
  const client = libraries[what.library](what, (error) => { cause = cause || error; });
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("no end within 20 s")), 20000);
  });
  try {
    return await Promise.race([client.connect().then(() => exercise(client)), late]);
  } catch (error) {
    const first = cause || error;
    return first.code || first.message;
  } finally {
    clearTimeout(timer);
    try {
      await client.close();
    } catch {
      // it is closed
    }
  }
}

(async () => {
  const outcomes = [];
  for (const each of JSON.parse(process.argv[2])) outcomes.push(await attempt(each));
  console.log(JSON.stringify(outcomes));
  process.exit(0);
})();
