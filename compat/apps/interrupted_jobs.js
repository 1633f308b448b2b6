// SPDX-License-Identifier: MIT
// A queue of BullMQ whose server is killed and started again meanwhile. Prints a line when the work has begun.
const { Queue, Worker } = require("bullmq");
const { report, until } = require("./support");

const JOBS = 300;
const connection = { host: "127.0.0.1", port: Number(process.argv[2]), maxRetriesPerRequest: null,
  retryStrategy: () => 20 };

report(async () => {
  const queue = new Queue("interrupted", { connection });
  const done = new Set();
  // A job whose start is not answered is begun again when its lock has ended.
  const locks = { lockDuration: 1000, stalledInterval: 300, maxStalledCount: 10 };
  const worker = new Worker("interrupted", async (job) => done.add(job.data), { connection, concurrency: 5, ...locks });
  for (const each of [queue, worker]) each.on("error", () => {}); // it will try again
  for (let i = 0; i < JOBS; ++i) {
    await queue.add("n", i, { jobId: `job-${i}` }); // sent again if its reply is lost
    if (i === 10) console.log("has begun");
  }
  await until(() => done.size === JOBS);
  await until(async () => (await queue.getJobCounts("active", "waiting", "completed")).completed === JOBS);
  const { active, waiting, failed } = await queue.getJobCounts("active", "waiting", "failed");
  return { done: done.size, active, waiting, failed };
});
