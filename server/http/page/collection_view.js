// SPDX-License-Identifier: MIT
// Hashes, lists, sets and sorted sets: their elements page by page, each changed and removed by itself.
import { ask } from './ask.js';
import { readBytes, shownBytes } from './bytes_input.js';
import { button, element, replace } from './dom.js';
import { count } from './format.js';
import { paged } from './pager.js';
import { printable } from './server.js';
import { may } from './session.js';

const PAGE = 100;
const MOST_SHOWN = 2000; // letters of an element

function shown(value) {
  const text = printable(value);
  return element('span.mono', {}, text.length > MOST_SHOWN ? text.slice(0, MOST_SHOWN) + '…' : text);
}

const removal = (view, ...words) =>
  may(words[0].toLowerCase()) ? button('Remove', () => view.change(...words), { className: 'quiet' }) : '';

// A button that asks for fields and runs the command that `words` makes of them, if `check` finds nothing against it.
function editing(view, text, title, fields, command, words, check) {
  if (!may(command)) return '';
  return button(
    text,
    async () => {
      const given = await ask(title, fields, text);
      if (given === null) return;
      const read = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, readBytes(value)]));
      await view.changeIf(check, ...words(read));
    },
    { className: 'quiet' },
  );
}

async function frame(root, view, size, add, columns, load) {
  const pages = element('div', {});
  const number = await view.run(size, view.key);
  replace(root, element('div.row', {}, element('span.fine', {}, `${count(number)} elements`), add), pages);
  await paged(pages, columns, load);
}

// By a cursor of HSCAN or SSCAN.
async function scanned(view, command, cursor, rowsOf) {
  const [next, found] = await view.run(command, view.key, cursor ?? '0', 'COUNT', PAGE);
  return { rows: rowsOf(found), next: next === '0' ? null : next };
}

// By a range of indexes.
async function ranged(words, cursor, rowsOf, view) {
  const from = cursor ?? 0;
  const found = await view.run(...words(from, from + PAGE - 1));
  return { rows: rowsOf(found, from), next: found.length < PAGE ? null : from + PAGE };
}

function showHash(root, view) {
  const fields = (name, value) => [
    { name: 'field', label: 'Field', value: name },
    { name: 'value', label: 'Value', value, multiline: true },
  ];
  const add = ({ field, value }) => ['HSET', view.key, field, value];
  // HSET would take the time to live from the field.
  const edit = ({ field, value }) => ['HSETEX', view.key, 'KEEPTTL', 'FIELDS', 1, field, value];
  const rowsOf = (found) => {
    const rows = [];
    for (let i = 0; i < found.length; i += 2) {
      rows.push([
        shown(found[i]),
        shown(found[i + 1]),
        element(
          'div.row',
          {},
          editing(
            view,
            'Edit',
            'Change a field',
            fields(shownBytes(found[i]), shownBytes(found[i + 1], true)),
            'hsetex',
            edit,
          ),
          removal(view, 'HDEL', view.key, found[i]),
        ),
      ]);
    }
    return rows;
  };
  return frame(
    root,
    view,
    'HLEN',
    editing(view, 'Add field', 'Add a field', fields('', ''), 'hset', add),
    ['Field', 'Value', ''],
    (cursor) => scanned(view, 'HSCAN', cursor, rowsOf),
  );
}

function showList(root, view) {
  const value = (text) => [{ name: 'value', label: 'Value', value: text, multiline: true }];
  // Other clients may have moved it meanwhile.
  const isStillThere = async (at, known) => {
    const now = await view.run('LINDEX', view.key, at);
    if (now === null || printable(now) !== printable(known))
      throw new Error(`Element ${at} is another one by now: nothing was changed. Refresh to see the list as it is.`);
  };
  const rowsOf = (found, from) =>
    found.map((each, i) => [
      String(from + i),
      shown(each),
      editing(
        view,
        'Edit',
        `Change element ${from + i}`,
        value(shownBytes(each, true)),
        'lset',
        (given) => ['LSET', view.key, from + i, given.value],
        () => isStillThere(from + i, each),
      ),
    ]);
  const add = [
    editing(view, 'Add first', 'Add in front', value(''), 'lpush', (given) => ['LPUSH', view.key, given.value]),
    editing(view, 'Add last', 'Add behind', value(''), 'rpush', (given) => ['RPUSH', view.key, given.value]),
    may('lpop') ? button('Remove first', () => view.change('LPOP', view.key), { className: 'quiet' }) : '',
    may('rpop') ? button('Remove last', () => view.change('RPOP', view.key), { className: 'quiet' }) : '',
  ];
  return frame(root, view, 'LLEN', add, ['Index', 'Value', ''], (cursor) =>
    ranged((from, to) => ['LRANGE', view.key, from, to], cursor, rowsOf, view),
  );
}

function showSet(root, view) {
  const rowsOf = (found) => found.map((each) => [shown(each), removal(view, 'SREM', view.key, each)]);
  return frame(
    root,
    view,
    'SCARD',
    editing(view, 'Add member', 'Add a member', [{ name: 'member', label: 'Member' }], 'sadd', ({ member }) => [
      'SADD',
      view.key,
      member,
    ]),
    ['Member', ''],
    (cursor) => scanned(view, 'SSCAN', cursor, rowsOf),
  );
}

function showSortedSet(root, view) {
  const fields = (member, score) => [
    { name: 'member', label: 'Member', value: member },
    { name: 'score', label: 'Score', value: score },
  ];
  const add = ({ member, score }) => ['ZADD', view.key, score, member];
  const shownScore = (score) => (Number.isFinite(score) ? String(score) : score > 0 ? 'inf' : '-inf');
  const rowsOf = (found, from) =>
    found.map(([member, score], i) => [
      String(from + i),
      shown(member),
      shownScore(score),
      element(
        'div.row',
        {},
        editing(view, 'Edit', 'Change a score', fields(shownBytes(member), shownScore(score)), 'zadd', add),
        removal(view, 'ZREM', view.key, member),
      ),
    ]);
  return frame(
    root,
    view,
    'ZCARD',
    editing(view, 'Add member', 'Add a member', fields('', '0'), 'zadd', add),
    ['Rank', 'Member', 'Score', ''],
    (cursor) => ranged((from, to) => ['ZRANGE', view.key, from, to, 'WITHSCORES'], cursor, rowsOf, view),
  );
}

export const collectionViews = { hash: showHash, list: showList, set: showSet, zset: showSortedSet };
