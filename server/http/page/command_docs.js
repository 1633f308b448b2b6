// SPDX-License-Identifier: MIT
// Names, arguments and summaries of the commands, from COMMAND DOCS: asked for once.
import { run } from './server.js';
import { may, session } from './session.js';

let docs = null;

function argument(each) {
  const type = each.get('type');
  const flags = each.get('flags') ?? [];
  const token = each.get('token');
  const parts = (each.get('arguments') ?? []).map(argument);
  let text =
    type === 'oneof'
      ? parts.join(' | ')
      : type === 'block'
        ? parts.join(' ')
        : type === 'pure-token'
          ? token
          : (each.get('display_text') ?? each.get('name'));
  if (type === 'oneof' && !flags.includes('optional')) text = `<${text}>`;
  if (token !== undefined && token !== '' && type !== 'pure-token') text = `${token} ${text}`;
  if (flags.includes('multiple'))
    text = flags.includes('multiple_token') ? `${text} [${text} …]` : `${text} [${each.get('name')} …]`;
  return flags.includes('optional') ? `[${text}]` : text;
}

async function load() {
  const known = new Map();
  const add = (name, entry) => {
    const inside = entry.get('subcommands');
    if (inside) for (const [sub, more] of inside) add(sub, more);
    else
      known.set(name, {
        summary: entry.get('summary') ?? '',
        group: entry.get('group') ?? '',
        complexity: entry.get('complexity') ?? '',
        syntax: (entry.get('arguments') ?? []).map(argument).join(' '),
      });
  };
  if (may('command|docs')) for (const [name, entry] of await run(['COMMAND', 'DOCS'])) add(name, entry);
  return known;
}

export async function commandDocs() {
  docs ??= load().catch((error) => {
    docs = null;
    throw error;
  });
  return docs;
}

// Names of commands that begin so and that the user may run: "client list".
export function completions(text) {
  const begin = text.toLowerCase().replace(/\s+/, '|');
  return Object.keys(session.commands)
    .filter((name) => name.startsWith(begin))
    .sort()
    .map((name) => name.replace('|', ' '));
}
