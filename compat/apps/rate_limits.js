// SPDX-License-Identifier: MIT
// Limits of rate-limiter-flexible, through both client libraries.
const Redis = require("ioredis");
const { createClient } = require("redis");
const { BurstyRateLimiter, RateLimiterQueue, RateLimiterRedis } = require("rate-limiter-flexible");
const { report } = require("./support");

const port = Number(process.argv[2]);
const remaining = (promise) => promise.then((left) => left.remainingPoints, () => "refused");

async function limits(storeClient, more) {
  const options = { storeClient, keyPrefix: `limit:${Object.keys(more).length}`, ...more };
  const limiter = new RateLimiterRedis({ ...options, points: 5, duration: 5, blockDuration: 10 });
  const used = await Promise.all(Array.from({ length: 7 }, () => remaining(limiter.consume("visitor"))));
  const blocked = (await limiter.get("visitor")).msBeforeNext > 5000;
  await limiter.delete("visitor");
  const after = [await remaining(limiter.penalty("visitor", 2)), await remaining(limiter.reward("visitor", 1))];
  await limiter.set("other", 4, 100);
  after.push((await limiter.get("other")).remainingPoints);
  const bursty = new BurstyRateLimiter(
    new RateLimiterRedis({ ...options, points: 1, duration: 5, keyPrefix: `${options.keyPrefix}:steady` }),
    new RateLimiterRedis({ ...options, points: 2, duration: 5, keyPrefix: `${options.keyPrefix}:burst` }));
  const burst = [];
  for (let i = 0; i < 4; ++i) burst.push(await bursty.consume("visitor").then(() => "served", () => "refused"));
  const queue = new RateLimiterQueue(
    new RateLimiterRedis({ ...options, points: 2, duration: 1, keyPrefix: `${options.keyPrefix}:queue` }));
  await Promise.all([1, 2, 3].map(() => queue.removeTokens(1)));
  return { used: used.sort(), blocked, after, burst };
}

report(async () => {
  const node = createClient({ url: `redis://127.0.0.1:${port}` });
  await node.connect();
  const [ioredis, redis] = await Promise.all([limits(new Redis(port, "127.0.0.1"), {}),
    limits(node, { useRedisPackage: true })]);
  return { ioredis, redis };
});
