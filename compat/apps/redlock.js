// SPDX-License-Identifier: MIT
// Locks of redlock: exclusive, extended, retried, and over several keys.
const Redis = require("ioredis");
const { default: Redlock } = require("redlock");
const { report } = require("./support");

const client = new Redis(Number(process.argv[2]), "127.0.0.1");

async function count(locks) {
  const add = () => locks.using(["lock:counter"], 5000, async () => {
    await client.set("counter", Number(await client.get("counter")) + 1);
  });
  await Promise.all(Array.from({ length: 10 }, add));
  return client.get("counter");
}

report(async () => {
  const patient = new Redlock([client], { retryCount: -1, retryDelay: 5, retryJitter: 5 });
  const impatient = new Redlock([client], { retryCount: 0 });
  let lock = await impatient.acquire(["a", "b"], 10_000);
  const refused = await impatient.acquire(["b", "c"], 10_000).catch((error) => error.name);
  const kept = await client.exists("c");
  lock = await lock.extend(60_000);
  const extended = (await client.pttl("a")) > 10_000;
  await lock.release();
  const again = await impatient.acquire(["b"], 10_000);
  await again.release();
  const twice = await again.release().catch((error) => error.name);
  return { refused, kept, extended, twice, counted: await count(patient) };
});
