// SPDX-License-Identifier: MIT
// Queues of bull: delayed, repeated, rate-limited, prioritized, failing and stalled jobs.
const Bull = require("bull");
const { report, sum, until } = require("./support");

const redis = { host: "127.0.0.1", port: Number(process.argv[2]) };
const queueOf = (name, options) => new Bull(name, { redis, ...options });

async function many() {
  const queue = queueOf("many");
  const done = [];
  queue.process(10, async (job) => done.push(job.data.n));
  await queue.addBulk(Array.from({ length: 100 }, (_, n) => ({ data: { n }, opts: { removeOnComplete: 10 } })));
  await until(() => done.length >= 100);
  await until(async () => (await queue.getActiveCount()) === 0);
  return { done: done.length, sum: sum(done), kept: await queue.getCompletedCount() };
}

async function delayed() {
  const queue = queueOf("delayed");
  queue.process(async (job) => Date.now() - job.timestamp);
  const job = await queue.add({}, { delay: 300 });
  const promoted = await queue.add({}, { delay: 1e6 });
  const state = await promoted.getState();
  await promoted.promote();
  return { state, promoted: (await promoted.finished()) < 1e6, waited: (await job.finished()) >= 300 };
}

async function repeated() {
  const queue = queueOf("repeated");
  let ticks = 0;
  queue.process(async () => ++ticks);
  await queue.add({}, { repeat: { every: 100, limit: 3 } });
  await until(() => ticks === 3);
  await queue.add({}, { repeat: { cron: "0 3 * * *" } });
  const [nightly] = (await queue.getRepeatableJobs()).filter((job) => job.cron === "0 3 * * *");
  await queue.removeRepeatableByKey(nightly.key);
  return ticks;
}

async function rateLimited() {
  const queue = queueOf("limited", { limiter: { max: 2, duration: 200 } });
  const times = [];
  queue.process(async () => times.push(Date.now()));
  await queue.addBulk(Array.from({ length: 6 }, () => ({ data: {} })));
  await until(() => times.length === 6);
  return times[5] - times[0] >= 350;
}

async function prioritized() {
  const queue = queueOf("prioritized");
  const order = [];
  await queue.pause();
  for (const priority of [3, 1, 2]) await queue.add(priority, { priority });
  queue.process(async (job) => order.push(job.data));
  await queue.resume();
  await until(() => order.length === 3);
  return order;
}

async function retried() {
  const queue = queueOf("retried");
  queue.process(async (job) => {
    await job.progress(50);
    if (job.attemptsMade < job.data.failures) throw new Error("on purpose");
    return "at last";
  });
  const result = await (await queue.add({ failures: 2 }, { attempts: 3, backoff: 20 })).finished();
  const error = await (await queue.add({ failures: 9 }, { attempts: 2 })).finished().catch((e) => e.message);
  return { result, error, failed: await queue.getFailedCount() };
}

async function stalled() {
  const dying = queueOf("stalled", { settings: { lockDuration: 100, lockRenewTime: 1e6, stalledInterval: 0 } });
  dying.process(() => new Promise(() => {}));
  await dying.add({ left: "by a dead worker" });
  await until(async () => (await dying.getActiveCount()) === 1);
  await dying.close(true);
  const done = [];
  queueOf("stalled", { settings: { stalledInterval: 150 } }).process(async (job) => done.push(job.data));
  await until(() => done.length === 1);
  return done;
}

async function obliterated() {
  const queue = queueOf("obliterated");
  await queue.add({});
  await queue.add({}, { delay: 1e6 });
  await queue.pause();
  await queue.clean(0, "delayed");
  const left = await queue.count();
  await queue.obliterate();
  return { left, keys: await queue.client.keys("bull:obliterated:*") };
}

report(async () => {
  const parts = { many, delayed, repeated, rateLimited, prioritized, retried, stalled, obliterated };
  const seen = await Promise.all(Object.values(parts).map((part) => part()));
  return Object.fromEntries(Object.keys(parts).map((name, i) => [name, seen[i]]));
});
