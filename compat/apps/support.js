// SPDX-License-Identifier: MIT
// What scripts of this folder share.
const SECONDS = 20;

async function until(condition) {
  const end = Date.now() + SECONDS * 1000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited in vain: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);

/** Runs it, prints what it returns as JSON, and ends the process. */
function report(main) {
  main().then((seen) => {
    console.log(JSON.stringify(seen));
    process.exit(0);
  }, (error) => {
    console.error(error);
    process.exit(1);
  });
}

module.exports = { report, sum, until };
