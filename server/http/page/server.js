// SPDX-License-Identifier: MIT
// Asks the server. The name and password of whoever has logged in are kept for this tab and sent with each request; no
// cookie is set, so that a page of another origin can't use them.

const kept = 'ringkv.login';
let login = sessionStorage.getItem(kept);

export class ServerError extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

function headers(more = {}) {
  return login === null ? more : { ...more, Authorization: login };
}

// Addresses are relative to the page, which may be behind a prefix.
async function send(path, options = {}) {
  let response;
  try {
    // Without `omit` a browser would open a login window of its own.
    response = await fetch(path, {
      credentials: 'omit',
      cache: 'no-store',
      ...options,
      headers: headers(options.headers),
    });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ServerError(0, 'The server does not answer. It may be down, or the network to it.');
  }
  if (response.ok) return response;
  let text = `The server answered ${response.status}.`;
  try {
    text = (await response.json()).error;
  } catch {
    // Not from RingKV, but a proxy before it.
  }
  throw new ServerError(response.status, text);
}

export function setLogin(user, password) {
  const bytes = new TextEncoder().encode(`${user}:${password}`);
  login = 'Basic ' + btoa(String.fromCharCode(...bytes));
  sessionStorage.setItem(kept, login);
}

export function forgetLogin() {
  login = null;
  sessionStorage.removeItem(kept);
}

export const hasLogin = () => login !== null;

export async function getJson(path) {
  return (await send(path)).json();
}

// --- bytes ----------------------------------------------------------------------------------------------------------
// Keys and values may be any bytes. A text is a string here, other bytes are a Uint8Array.

export function fromWire(value) {
  if (value === null || typeof value !== 'object') return value;
  return Uint8Array.from(atob(value.base64), (letter) => letter.charCodeAt(0));
}

export function toWire(value) {
  if (!(value instanceof Uint8Array)) return String(value);
  let letters = '';
  for (const byte of value) letters += String.fromCharCode(byte);
  return { base64: btoa(letters) };
}

export function toBytes(value) {
  return value instanceof Uint8Array ? value : new TextEncoder().encode(value);
}

// Printable, with \xNN for the rest: as redis-cli shows it.
export function printable(value) {
  if (!(value instanceof Uint8Array)) {
    return value.replace(/[\x00-\x1f\x7f]/g, (c) => '\\x' + c.charCodeAt(0).toString(16).padStart(2, '0'));
  }
  return Array.from(value, (byte) =>
    byte > 31 && byte < 127 ? String.fromCharCode(byte) : '\\x' + byte.toString(16).padStart(2, '0'),
  ).join('');
}

// --- commands -------------------------------------------------------------------------------------------------------

// The replies with their types: {type, value}; members of arrays are replies, too.
export async function runTyped(commands, db = 0) {
  const body = JSON.stringify({ commands: commands.map((words) => words.map(toWire)) });
  const response = await send(`console/commands?db=${db}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body,
  });
  return (await response.json()).replies;
}

const infinities = { inf: Infinity, '-inf': -Infinity };

// What the reply is in JavaScript: strings, numbers, Uint8Array, arrays, Map, null. An error is thrown.
export function plain(reply) {
  switch (reply.type) {
    case 'error':
      throw new ServerError(200, fromWire(reply.value));
    case 'null':
      return null;
    case 'integer':
      return Number(reply.value);
    case 'double':
      return infinities[reply.value] ?? Number(reply.value);
    case 'array':
    case 'set':
      return reply.value.map(plain);
    case 'map':
      return new Map(reply.value.map(([name, value]) => [plain(name), plain(value)]));
    default:
      return fromWire(reply.value);
  }
}

export async function run(words, db = 0) {
  return plain((await runTyped([words], db))[0]);
}

// Several at once; a reply that is an error becomes an Error in the list.
export async function runAll(commands, db = 0) {
  if (commands.length === 0) return [];
  return (await runTyped(commands, db)).map((reply) => {
    try {
      return plain(reply);
    } catch (error) {
      return error;
    }
  });
}

export async function info(...sections) {
  const fields = {};
  for (const line of (await run(['INFO', ...sections])).split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1);
  }
  return fields;
}

// --- events ---------------------------------------------------------------------------------------------------------

// Calls `take(name, data)` for each server-sent event until `signal` ends it, or the server does. EventSource can't
// send the login.
export async function events(query, signal, take) {
  const response = await send('console/events?' + query, { signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += value;
    const parts = rest.split('\n\n');
    rest = parts.pop();
    for (const part of parts) {
      // Lines end by \n alone: JSON may hold what else a browser takes for the end of one, as U+2028.
      const lines = part.split('\n');
      const field = (name) => lines.find((line) => line.startsWith(name))?.slice(name.length);
      const data = field('data: ');
      if (data !== undefined) take(field('event: '), JSON.parse(data));
    }
  }
}
