// SPDX-License-Identifier: MIT
// Who is logged in, and what the console offers to him.
import { getJson } from './server.js';

export const session = {
  user: '',
  version: '',
  readonly: false,
  cluster: false,
  databases: 1,
  commands: {},
  events: {},
  endpoints: [],
};

export async function loadSession() {
  Object.assign(session, await getJson('console/session'));
}

// Whether all these commands may be run: "get", "client|list".
export const may = (...names) => names.every((name) => name in session.commands);
export const isDangerous = (name) => (session.commands[name] ?? '').includes('d');
export const changes = (name) => (session.commands[name] ?? '').includes('w');

// The name under which the rights have it: a subcommand if there is one.
export function nameOf(words) {
  const first = String(words[0] ?? '').toLowerCase();
  const both = `${first}|${String(words[1] ?? '').toLowerCase()}`;
  return both in session.commands ? both : first;
}
