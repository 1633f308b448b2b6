// SPDX-License-Identifier: MIT
// Samples of keys: those that commands name now, and the largest of some random ones.
import { events, printable, runAll } from './server.js';
import { splitWords } from './words.js';

const MOST_LINES = 1000;
const WATCH_MS = 10_000;
const MOST_SAMPLES = 2000;
const SAMPLES_AT_ONCE = 200;
const SHOWN = 20;

// '1700000000.123456 [0 127.0.0.1:1234] "GET" "key"' as its parts.
export function parseLine(line) {
  const [, time, db, client, rest] = /^(\d+\.\d+) \[(\d+) (.*?)\] (.*)$/s.exec(line) ?? [];
  if (time === undefined) return null;
  try {
    return { time: Number(time) * 1000, db, client, words: splitWords(rest) };
  } catch {
    return { time: Number(time) * 1000, db, client, words: [rest] }; // it was cut
  }
}

export async function sampleHotKeys(signal, tell) {
  const mine = new AbortController();
  const stop = () => mine.abort();
  signal.addEventListener('abort', stop);
  const timer = setTimeout(stop, WATCH_MS);
  const keys = new Map();
  let lines = 0;
  try {
    await events(`monitor&limit=${MOST_LINES}`, mine.signal, (name, data) => {
      const parsed = name === 'command' ? parseLine(data.line) : null;
      if (parsed === null) return;
      tell(`${++lines} commands`);
      const [command, key] = parsed.words;
      if (key === undefined) return;
      const id = printable(key);
      const known = keys.get(id) ?? { key, times: 0, commands: new Map() };
      ++known.times;
      const upper = printable(command).toUpperCase();
      known.commands.set(upper, (known.commands.get(upper) ?? 0) + 1);
      keys.set(id, known);
    });
  } catch (error) {
    if (!mine.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
  return [...keys.values()]
    .sort((one, other) => other.times - one.times)
    .slice(0, SHOWN)
    .map(({ key, times, commands }) => ({
      key,
      times,
      names: [...commands].map(([name, number]) => `${name} ${number}`).join(', '),
    }));
}

export async function sampleBigKeys(tell) {
  const sizes = new Map();
  for (let asked = 0; asked < MOST_SAMPLES; asked += SAMPLES_AT_ONCE) {
    const keys = (await runAll(Array.from({ length: SAMPLES_AT_ONCE }, () => ['RANDOMKEY']))).filter(
      (key) => key !== null && !(key instanceof Error) && !sizes.has(printable(key)),
    );
    if (keys.length === 0) break; // all are known
    const unique = [...new Map(keys.map((key) => [printable(key), key])).values()];
    const found = await runAll(
      unique.flatMap((key) => [
        ['MEMORY', 'USAGE', key],
        ['TYPE', key],
      ]),
    );
    unique.forEach((key, i) => {
      const [size, type] = [found[2 * i], found[2 * i + 1]];
      if (typeof size === 'number') sizes.set(printable(key), { key, type, size });
    });
    tell(`${sizes.size} keys`);
  }
  return [...sizes.values()].sort((one, other) => other.size - one.size).slice(0, SHOWN);
}
