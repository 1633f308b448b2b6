// SPDX-License-Identifier: MIT
// A stream: its entries, and its groups with their consumers and what is pending.
import { ask } from './ask.js';
import { readBytes } from './bytes_input.js';
import { button, element, empty, replace, table } from './dom.js';
import { count, duration } from './format.js';
import { paged } from './pager.js';
import { printable } from './server.js';
import { may } from './session.js';

const PAGE = 100;

function entryText(fields) {
  const parts = [];
  for (let i = 0; i < fields.length; i += 2) parts.push(`${printable(fields[i])}: ${printable(fields[i + 1])}`);
  return element('span.mono', {}, parts.join('\n'));
}

async function entries(view, cursor) {
  const found = await view.run('XRANGE', view.key, cursor === null ? '-' : `(${cursor}`, '+', 'COUNT', PAGE);
  const rows = found.map(([id, fields]) => [
    id,
    new Date(Number(id.split('-')[0])).toLocaleString('en-GB'),
    entryText(fields),
    may('xdel') ? button('Remove', () => view.change('XDEL', view.key, id), { className: 'quiet' }) : '',
  ]);
  return { rows, next: found.length < PAGE ? null : found.at(-1)[0] };
}

async function groups(view) {
  if (!may('xinfo|groups', 'xinfo|consumers')) return null;
  const found = await view.run('XINFO', 'GROUPS', view.key);
  if (found.length === 0) return empty('No consumer groups', 'XGROUP CREATE makes one.');
  return Promise.all(
    found.map(async (group) => {
      const consumers = await view.run('XINFO', 'CONSUMERS', view.key, group.get('name'));
      return element(
        'div',
        {},
        element('h3', {}, `Group ${printable(group.get('name'))}`),
        element(
          'p.fine',
          {},
          `${count(group.get('pending'))} pending, last delivered ${group.get('last-delivered-id')}, ` +
            `lag ${group.get('lag') === null ? 'unknown' : count(group.get('lag'))}`,
        ),
        consumers.length === 0
          ? empty('No consumers yet')
          : table(
              ['Consumer', 'Pending', 'Idle'],
              consumers.map((each) => [
                printable(each.get('name')),
                count(each.get('pending')),
                duration(each.get('idle') / 1000),
              ]),
            ),
      );
    }),
  );
}

export async function showStream(root, view) {
  const list = element('div', {});
  const number = await view.run('XLEN', view.key);
  const add = may('xadd')
    ? button(
        'Add entry',
        async () => {
          const given = await ask(
            'Add an entry',
            [
              { name: 'field', label: 'Field' },
              { name: 'value', label: 'Value', multiline: true },
            ],
            'Add',
          );
          if (given !== null)
            await view.change('XADD', view.key, '*', readBytes(given.field), readBytes(given.value));
        },
        { className: 'quiet' },
      )
    : null;
  replace(
    root,
    element('div.row', {}, element('span.fine', {}, `${count(number)} entries`), add),
    list,
    element('h3', {}, 'Groups'),
    await groups(view),
  );
  await paged(list, ['Id', 'Time', 'Fields', ''], (cursor) => entries(view, cursor));
}
