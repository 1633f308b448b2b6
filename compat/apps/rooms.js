// SPDX-License-Identifier: MIT
// Two servers of socket.io that are one by the Redis adapter; three clients.
const http = require("http");
const { Server } = require("socket.io");
const { io } = require("socket.io-client");
const { createAdapter } = require("@socket.io/redis-adapter");
const { createClient } = require("redis");

const port = process.argv[2];

async function start() {
  const publisher = createClient({ url: `redis://127.0.0.1:${port}` });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  const server = http.createServer();
  const sockets = new Server(server, { adapter: createAdapter(publisher, subscriber) });
  sockets.on("connection", (socket) => socket.on("join", (room, done) => { socket.join(room); done(); }));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { sockets, url: `http://127.0.0.1:${server.address().port}` };
}

function until(condition) {
  return new Promise((resolve) => {
    const look = () => (condition() ? resolve() : setTimeout(look, 10));
    look();
  });
}

async function main() {
  const [one, two] = [await start(), await start()];
  const clients = [io(one.url), io(one.url), io(two.url)];
  const heard = { everybody: 0, room: 0 };
  for (const client of clients) {
    client.on("everybody", () => ++heard.everybody);
    client.on("room", () => ++heard.room);
    client.on("question", (answer) => answer("yes"));
  }
  await until(() => clients.every((client) => client.connected));
  await Promise.all([clients[0], clients[2]].map((client) => new Promise((done) => client.emit("join", "room", done))));
  two.sockets.emit("everybody");
  one.sockets.to("room").emit("room");
  await until(() => heard.everybody === 3 && heard.room === 2);
  const sockets = (await one.sockets.fetchSockets()).length;
  const answers = await two.sockets.timeout(5000).emitWithAck("question");
  console.log(JSON.stringify({ ...heard, sockets, acknowledged: answers.length }));
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
