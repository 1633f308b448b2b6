// SPDX-License-Identifier: MIT
// Scripts and functions as commands of a client: ioredis' defineCommand, node-redis' defineScript and functions.
const Redis = require("ioredis");
const { createClient, defineScript } = require("redis");
const { report } = require("./support");

const port = Number(process.argv[2]);
const ADD = "return redis.call('INCRBY', KEYS[1], ARGV[1])";
const ECHO = "return {KEYS[1], ARGV[1], {1, 'two', false, 3.9}}";

async function ioredis() {
  const client = new Redis(port, "127.0.0.1", {
    keyPrefix: "app:", scripts: { add: { numberOfKeys: 1, lua: ADD }, echoed: { lua: ECHO, readOnly: true } } });
  client.defineCommand("broken", { numberOfKeys: 0, lua: "return redis.call('NOSUCH')" });
  const seen = { first: await client.add("n", 2), echoed: await client.echoed(1, "key", "value") };
  seen.bytes = (await client.echoedBuffer(1, "key", Buffer.from([0xff, 0]))).slice(1, 2).map((b) => b.toString("hex"));
  await client.script("FLUSH");
  seen.forgotten = await client.add("n", 3);
  await client.script("FLUSH");
  seen.pipeline = await client.pipeline().add("n", 1).ping().add("n", 1).exec();
  seen.multi = await client.multi().add("n", 1).get("n").exec();
  seen.automatic = await Promise.all(Array.from({ length: 50 }, () => client.add("many", 1)));
  seen.automatic = Math.max(...seen.automatic);
  seen.error = await client.broken().catch((error) => error.message.split(" script: ")[0]);
  return seen;
}

const LIBRARY = `#!lua name=app
redis.register_function{function_name='plus', callback=function(keys, args)
  return redis.call('INCRBY', keys[1], args[1])
end}
redis.register_function{function_name='seen', flags={'no-writes'}, callback=function(keys)
  return redis.call('GET', keys[1])
end}`;

async function functions() {
  const app = {
    plus: { NUMBER_OF_KEYS: 1, transformArguments: (key, by) => [key, String(by)], transformReply: (reply) => reply },
    seen: { NUMBER_OF_KEYS: 1, IS_READ_ONLY: true, transformArguments: (key) => [key], transformReply: (reply) => reply },
  };
  const client = createClient({ url: `redis://127.0.0.1:${port}`, functions: { app } });
  await client.connect();
  const loaded = await client.functionLoad(LIBRARY, { REPLACE: true });
  const called = [await client.app.plus("f", 2), await client.app.seen("f")];
  const multi = await client.multi().app.plus("f", 3).app.seen("f").exec();
  const dump = await client.functionDump(client.commandOptions({ returnBuffers: true }));
  await client.functionFlush();
  const gone = await client.app.plus("f", 1).catch((error) => error.message);
  await client.functionRestore(dump);
  const again = await client.app.plus("f", 1);
  const [{ libraryName, functions: listed }] = await client.functionList();
  return { loaded, called, multi, gone, again, libraryName, listed: listed.map((each) => each.name).sort() };
}

async function nodeRedis() {
  const client = createClient({ url: `redis://127.0.0.1:${port}`, scripts: {
    add: defineScript({ NUMBER_OF_KEYS: 1, SCRIPT: ADD,
      transformArguments: (key, by) => [key, String(by)], transformReply: (reply) => reply * 10 }) } });
  await client.connect();
  const seen = { first: await client.add("m", 2) };
  await client.scriptFlush();
  seen.forgotten = await client.add("m", 3);
  seen.multi = await client.multi().add("m", 1).get("m").exec();
  seen.evaluated = await client.eval(ECHO, { keys: ["key"], arguments: ["value"] });
  seen.exists = await client.scriptExists([await client.scriptLoad("return 1"), "0".repeat(40)]);
  return seen;
}

report(async () => ({ ioredis: await ioredis(), nodeRedis: await nodeRedis(), functions: await functions() }));
