// SPDX-License-Identifier: MIT
// Walks the keys part by part (GET console/keys) and adds the parts up: branches with their numbers, and single keys.
import { fromWire, getJson, printable, toBytes } from './server.js';

export const MOST_KEYS = 500; // that are listed at a time

// A query with any bytes.
function escaped(value) {
  return Array.from(toBytes(value), (byte) => '%' + byte.toString(16).padStart(2, '0')).join('');
}

const yieldToOthers = () =>
  new Promise((resolve) => {
    setTimeout(resolve, 0);
  });

export class KeyWalk {
  // `what`: { prefix } or { pattern }, with { separator, db }. `listsKeys`: else it only counts, to the end.
  constructor(what, listsKeys = true) {
    this.listsKeys = listsKeys;
    this.query = Object.entries(what)
      .map(
        ([name, value]) =>
          `${name}=${escaped(String(value) === value || value instanceof Uint8Array ? value : String(value))}`,
      )
      .join('&');
    this.branches = new Map();
    this.keys = [];
    this.count = 0; // of keys, listed or not
    this.bytes = 0;
    this.cursor = '0';
    this.isDone = false;
    this.hasMore = false; // keys that are not listed
  }

  // Goes on to the end, or until so many more keys are listed. `tell` is called behind each part.
  async go(signal, tell) {
    const most = this.keys.length + MOST_KEYS;
    while (!this.isDone && this.keys.length < most) {
      const part = await getJson(`console/keys?${this.query}&cursor=${this.cursor}`);
      if (signal.aborted) return;
      this.take(part);
      tell();
      // What was held for long was left out.
      if (part.visited === 0) await yieldToOthers();
    }
    this.hasMore = !this.isDone;
    tell();
  }

  take(part) {
    for (const branch of part.branches) {
      const name = fromWire(branch.name);
      const id = printable(name);
      const known = this.branches.get(id) ?? { name, keys: 0, bytes: 0 };
      known.keys += branch.keys;
      known.bytes += branch.bytes;
      this.branches.set(id, known);
      this.bytes += branch.bytes;
    }
    for (const each of part.keys) {
      if (this.listsKeys) this.keys.push({ ...each, key: fromWire(each.key) });
      this.bytes += each.bytes ?? 0; // the server tells it of those that the user may read
    }
    this.count += part.visited;
    this.cursor = part.cursor;
    this.isDone = part.cursor === '0';
  }
}
