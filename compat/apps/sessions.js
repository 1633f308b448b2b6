// SPDX-License-Identifier: MIT
// Two servers of express, one after the other, that keep their sessions with connect-redis.
const http = require("http");
const express = require("express");
const session = require("express-session");
const { RedisStore } = require("connect-redis");
const { createClient } = require("redis");

const port = process.argv[2];

async function start(client) {
  const app = express();
  const store = new RedisStore({ client, prefix: "sess:", ttl: 100 });
  app.use(session({ store, secret: "test", resave: false, saveUninitialized: false }));
  app.get("/count", (request, response) => {
    request.session.count = (request.session.count || 0) + 1;
    response.json(request.session.count);
  });
  app.get("/end", (request, response) => request.session.destroy(() => response.json("gone")));
  const server = http.createServer(app);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, store, url: `http://127.0.0.1:${server.address().port}` };
}

async function ask(url, cookie) {
  const response = await fetch(url, { headers: cookie ? { cookie } : {} });
  const given = response.headers.get("set-cookie");
  return { value: await response.json(), cookie: given ? given.split(";")[0] : cookie };
}

async function main() {
  const client = createClient({ url: `redis://127.0.0.1:${port}` });
  await client.connect();
  const before = await start(client);
  const first = await ask(`${before.url}/count`);
  const other = await ask(`${before.url}/count`);
  before.server.close();
  const after = await start(client);
  const second = await ask(`${after.url}/count`, first.cookie);
  const stored = await after.store.length();
  await ask(`${after.url}/end`, other.cookie);
  const afterDestroy = await after.store.length();
  const [key] = await client.keys("sess:*");
  const ttl = await client.ttl(key);
  after.server.close();
  await client.quit();
  console.log(JSON.stringify({ first: first.value, second: second.value, other: other.value, stored, afterDestroy,
    ttl: ttl > 50 && ttl <= 100 }));
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
