// SPDX-License-Identifier: MIT
// Queues of BullMQ: delayed, repeated, rate-limited, prioritized, failing and stalled jobs, and flows of jobs. On one
// server, or in a cluster.
const Redis = require("ioredis");
const { FlowProducer, Queue, QueueEvents, Worker } = require("bullmq");
const { report, sum, until } = require("./support");

const [kind, port] = process.argv.slice(2);
const address = { host: "127.0.0.1", port: Number(port), maxRetriesPerRequest: null };
// In a cluster all keys of BullMQ have to be in one slot.
const base = kind === "cluster" ? { connection: new Redis.Cluster([address]), prefix: "{bull}" } : { connection: address };
const open = [];

function opened(each) {
  open.push(each);
  return each;
}

const queueOf = (name) => opened(new Queue(name, base));
// From the first event on: what happens before its connection reads would be missed.
const eventsOf = (name) => opened(new QueueEvents(name, { ...base, lastEventId: "0" }));
const workerOf = (name, process, options) => opened(new Worker(name, process, { ...base, ...options }));

async function many() {
  const queue = queueOf("many");
  const done = [];
  const options = { concurrency: 10, metrics: { maxDataPoints: 60 } };
  const process = async (job) => { done.push(job.data); return job.data * 2; };
  workerOf("many", process, options);
  workerOf("many", process, options);
  await queue.addBulk(Array.from({ length: 200 }, (_, i) => ({ name: "n", data: i, opts: { removeOnComplete: 50 } })));
  await until(() => done.length >= 200);
  await until(async () => (await queue.getJobCounts("active")).active === 0);
  const { completed } = await queue.getJobCounts();
  const { meta } = await queue.getMetrics("completed");
  return { done: done.length, sum: sum(done), kept: completed, metrics: meta.count };
}

async function delayed() {
  const queue = queueOf("delayed");
  workerOf("delayed", async (job) => Date.now() - job.timestamp);
  const events = eventsOf("delayed");
  const job = await queue.add("late", {}, { delay: 300 });
  const promoted = await queue.add("promoted", {}, { delay: 1e6 });
  const state = await promoted.getState();
  await promoted.promote();
  return { state, promoted: (await promoted.waitUntilFinished(events)) < 1e6,
    waited: (await job.waitUntilFinished(events)) >= 300 };
}

async function repeated() {
  const queue = queueOf("repeated");
  let ticks = 0;
  workerOf("repeated", async () => ++ticks);
  await queue.upsertJobScheduler("tick", { every: 100, limit: 3 }, { name: "tick" });
  await until(() => ticks === 3);
  await queue.upsertJobScheduler("nightly", { pattern: "0 3 * * *" });
  const nightly = (await queue.getJobScheduler("nightly")).pattern;
  return { ticks, nightly, removed: await queue.removeJobScheduler("nightly") };
}

async function rateLimited() {
  const queue = queueOf("limited");
  const times = [];
  workerOf("limited", async () => times.push(Date.now()), { limiter: { max: 2, duration: 200 } });
  await queue.addBulk(Array.from({ length: 6 }, () => ({ name: "n", data: {} })));
  await until(() => times.length === 6);
  return times[5] - times[0] >= 350;
}

async function prioritized() {
  const queue = queueOf("prioritized");
  const order = [];
  await queue.pause();
  for (const priority of [3, 1, 2]) await queue.add("n", priority, { priority });
  await queue.add("n", 0, { lifo: true });
  workerOf("prioritized", async (job) => order.push(job.data));
  await queue.resume();
  await until(() => order.length === 4);
  return order;
}

async function retried() {
  const queue = queueOf("retried");
  const events = eventsOf("retried");
  workerOf("retried", async (job) => {
    await job.updateProgress(job.attemptsMade);
    await job.log(`attempt ${job.attemptsMade}`);
    if (job.data === "never" || job.attemptsMade < 2) throw new Error("on purpose");
    return "at last";
  });
  const steady = await queue.add("n", "at last", { attempts: 3, backoff: { type: "exponential", delay: 20 } });
  const result = await steady.waitUntilFinished(events);
  const failing = await queue.add("n", "never", { attempts: 2 });
  const error = await failing.waitUntilFinished(events).catch((e) => e.message);
  const failed = await queue.getFailedCount();
  await failing.retry("failed");
  await until(async () => (await queue.getFailedCount()) === 1);
  return { result, error, failed, logs: (await queue.getJobLogs(steady.id)).count };
}

async function stalled() {
  const queue = queueOf("stalled");
  const mute = { lockDuration: 100, lockRenewTime: 1e6, skipStalledCheck: true };
  const dying = workerOf("stalled", () => new Promise(() => {}), mute);
  await queue.add("n", "left by a dead worker");
  await until(async () => (await queue.getActiveCount()) === 1);
  await dying.close(true);
  const done = [];
  workerOf("stalled", async (job) => done.push(job.data), { stalledInterval: 150 });
  await until(() => done.length === 1);
  return done;
}

async function flow() {
  const flows = opened(new FlowProducer(base));
  workerOf("steps", async (job) => job.data);
  workerOf("whole", async (job) => sum(Object.values(await job.getChildrenValues())));
  const events = eventsOf("whole");
  const children = [1, 2, 3].map((data) => ({ name: "step", queueName: "steps", data }));
  const inner = { name: "inner", queueName: "whole", data: 0, children: [{ name: "s", queueName: "steps", data: 4 }] };
  const tree = await flows.add({ name: "whole", queueName: "whole", data: 0, children: [...children, inner] });
  return tree.job.waitUntilFinished(events);
}

async function kept() {
  const queue = queueOf("kept");
  const ids = [];
  for (let i = 0; i < 3; ++i) ids.push((await queue.add("n", i, { deduplication: { id: "one", ttl: 5000 } })).id);
  await queue.add("later", {}, { delay: 1e6 });
  const waiting = [await queue.getWaitingCount(), await queue.getDelayedCount()];
  await queue.drain(true);
  const drained = await queue.count();
  await queue.obliterate({ force: true });
  return { same: new Set(ids).size, waiting, drained, left: await (await queue.client).exists(queue.keys.meta) };
}

report(async () => {
  const parts = { many, delayed, repeated, rateLimited, prioritized, retried, stalled, flow, kept };
  const seen = await Promise.all(Object.values(parts).map((part) => part()));
  await Promise.all(open.map((each) => each.close()));
  return Object.fromEntries(Object.keys(parts).map((name, i) => [name, seen[i]]));
});
