// SPDX-License-Identifier: MIT
// Queues of bee-queue: many, delayed, failing and stalled jobs.
const BeeQueue = require("bee-queue");
const { report, sum, until } = require("./support");

const redis = { host: "127.0.0.1", port: Number(process.argv[2]) };
const queueOf = (name, options) => new BeeQueue(name, { redis, ...options });
const succeeded = (job) => new Promise((resolve, reject) => {
  job.on("succeeded", resolve);
  job.on("failed", reject);
});

async function many() {
  const queue = queueOf("many", { removeOnSuccess: true });
  const done = [];
  queue.process(10, async (job) => done.push(job.data.n));
  await queue.saveAll(Array.from({ length: 100 }, (_, n) => queue.createJob({ n })));
  await until(() => done.length >= 100);
  await until(async () => (await queue.checkHealth()).active === 0);
  return { done: done.length, sum: sum(done) };
}

async function delayed() {
  const queue = queueOf("delayed", { activateDelayedJobs: true });
  await queue.ready(); // it hears of the events
  queue.process(async (job) => Date.now() - job.options.timestamp);
  const job = queue.createJob({}).delayUntil(Date.now() + 300);
  const result = succeeded(job);
  await job.save();
  return (await result) >= 290;
}

async function retried() {
  const queue = queueOf("retried", { activateDelayedJobs: true });
  await queue.ready();
  let tries = 0;
  queue.process(async (job) => {
    job.reportProgress({ tries: ++tries });
    if (tries < 3) throw new Error("on purpose");
    return "at last";
  });
  const job = queue.createJob({}).retries(3).backoff("exponential", 20);
  const result = new Promise((resolve) => job.on("succeeded", resolve));
  await job.save();
  return result;
}

async function stalled() {
  const dying = queueOf("stalled", { stallInterval: 100 });
  dying.process(() => new Promise(() => {}));
  await dying.createJob({ left: "by a dead worker" }).save();
  await until(async () => (await dying.checkHealth()).active === 1);
  await dying.close(0).catch(() => {});
  const done = [];
  const queue = queueOf("stalled", { stallInterval: 100 });
  queue.process(async (job) => done.push(job.data));
  queue.checkStalledJobs(100, () => {});
  await until(() => done.length === 1);
  return done;
}

report(async () => {
  const parts = { many, delayed, retried, stalled };
  const seen = await Promise.all(Object.values(parts).map((part) => part()));
  return Object.fromEntries(Object.keys(parts).map((name, i) => [name, seen[i]]));
});
