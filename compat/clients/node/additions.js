// SPDX-License-Identifier: MIT
// Adds numbers until the input ends. Each line of the input is answered by how many additions were acknowledged so far;
// the end by all of them and the longest time that one took, in milliseconds.
const readline = require("node:readline");

// `add`: adds a number, and fails if that was not acknowledged. `end`: ends the client.
module.exports = async function addUntilTheInputEnds(add, end) {
  const acknowledged = [];
  let slowest = 0;
  let stopping = false;

  async function work() {
    for (let number = 0; !stopping; ++number) {
      const start = Date.now();
      try {
        await add(number);
        acknowledged.push(number);
      } catch (error) {
        // It is not acknowledged, which is all there is to note.
      }
      slowest = Math.max(slowest, Date.now() - start);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  const input = readline.createInterface({ input: process.stdin });
  input.on("line", () => console.log(JSON.stringify(acknowledged.length)));
  const closed = new Promise((resolve) => input.on("close", resolve));
  const working = work();
  await closed;
  stopping = true;
  await working;
  console.log(JSON.stringify({ acknowledged, slowest }));
  end();
};
