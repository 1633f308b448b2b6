// SPDX-License-Identifier: MIT
// Two servers of socket.io that are one by an adapter, of pub/sub or of streams; three clients.
const http = require("http");
const { Server } = require("socket.io");
const { io } = require("socket.io-client");
const pubSub = require("@socket.io/redis-adapter");
const streams = require("@socket.io/redis-streams-adapter");
const { createClient } = require("redis");

const [kind, port] = process.argv.slice(2);

async function adapter() {
  const publisher = createClient({ url: `redis://127.0.0.1:${port}` });
  await publisher.connect();
  if (kind === "streams") return streams.createAdapter(publisher);
  const subscriber = publisher.duplicate();
  await subscriber.connect();
  return pubSub.createAdapter(publisher, subscriber);
}

async function start() {
  const server = http.createServer();
  const sockets = new Server(server, { adapter: await adapter() });
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
