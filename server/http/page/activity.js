// SPDX-License-Identifier: MIT
// Who does what: slow commands, clients, hot and big keys.
import { button, confirmed, element, empty, failure, replace, table } from './dom.js';
import { bytes, count, duration, microseconds, moment } from './format.js';
import { repeat } from './live.js';
import { sampleBigKeys, sampleHotKeys } from './key_samples.js';
import { printable, run, runAll } from './server.js';
import { may, session } from './session.js';

export const name = 'activity';
export const title = 'Activity';
export const offered = () => may('slowlog|get') || may('client|list') || may('randomkey');

const MOST_SLOW = 128;

function section(title, hint, ...actions) {
  const body = element('div', {});
  const card = element(
    'section.card',
    { 'aria-label': title },
    element('div.row', {}, element('h2.grow', {}, title), actions),
    hint === null ? null : element('p.fine', {}, hint),
    body,
  );
  return { card, body };
}

// --- slow commands --------------------------------------------------------------------------------------------------

function slowRow([, seconds, took, argv, client, name]) {
  return [
    moment(1000 * seconds),
    microseconds(took),
    element('code', {}, argv.map(printable).join(' ')),
    client,
    name === undefined ? '' : printable(name),
  ];
}

async function showSlow(body) {
  const [entries, threshold] = await runAll([
    ['SLOWLOG', 'GET', MOST_SLOW],
    ...(may('config|get') ? [['CONFIG', 'GET', 'slowlog-log-slower-than']] : []),
  ]);
  if (entries instanceof Error) throw entries;
  const limit = threshold instanceof Map ? Number(threshold.get('slowlog-log-slower-than')) : null;
  const what =
    limit === null ? 'the limit' : limit < 0 ? 'anything: slowlog-log-slower-than is off' : microseconds(limit);
  replace(
    body,
    entries.length === 0
      ? empty('No slow commands', `None has taken longer than ${what}.`)
      : table(['When', 'Took', 'Command', 'Client', 'Name'], entries.map(slowRow), 'Slow commands'),
  );
}

function slowCommands() {
  const show = () => showSlow(parts.body).catch((error) => replace(parts.body, failure(error, show)));
  const parts = section(
    'Slow commands',
    null,
    button('Refresh', show),
    may('slowlog|reset')
      ? button('Clear', async () => {
          await run(['SLOWLOG', 'RESET']);
          await show();
        })
      : null,
  );
  show();
  return parts.card;
}

// --- clients --------------------------------------------------------------------------------------------------------

function parseClient(line) {
  return Object.fromEntries(
    line.split(' ').map((part) => {
      const at = part.indexOf('=');
      return [part.slice(0, at), part.slice(at + 1)];
    }),
  );
}

function clients(signal) {
  const parts = section('Clients', 'Each five seconds.');
  const kill = async (client) => {
    if (
      !(await confirmed(
        'Close this connection?',
        [`${client.addr} ${client.name ?? ''}, user ${client.user}`],
        'Close it',
      ))
    )
      return;
    await run(['CLIENT', 'KILL', 'ID', client.id]).catch((error) => replace(parts.body, failure(error)));
    await show();
  };
  const show = async () => {
    try {
      const all = (await run(['CLIENT', 'LIST'])).trim().split('\n').map(parseClient);
      replace(
        parts.body,
        table(
          ['Id', 'Address', 'Name', 'User', 'Age', 'Idle', 'Last command', 'Memory', ''],
          all.map((each) => [
            each.id,
            each.addr,
            each.name,
            each.user,
            duration(each.age),
            duration(each.idle),
            each.cmd,
            bytes(each['tot-mem']),
            may('client|kill') ? button('Close', () => kill(each), { className: 'quiet' }) : '',
          ]),
          'Clients',
        ),
      );
    } catch (error) {
      replace(parts.body, failure(error, show));
    }
  };
  repeat(5, signal, show);
  return parts.card;
}

// --- hot and big keys -----------------------------------------------------------------------------------------------

function sampled(title, hint, action, sample, columns, rowOf, nothing) {
  const go = async () => {
    start.disabled = true;
    replace(parts.body, element('p.loading', {}, 'Sampling…'));
    try {
      const found = await sample((text) => {
        parts.body.firstChild.textContent = text;
      });
      replace(parts.body, found.length === 0 ? empty(nothing) : table(columns, found.map(rowOf), title));
    } catch (error) {
      replace(parts.body, failure(error, go));
    }
    start.disabled = false;
  };
  const start = button(action, go);
  const parts = section(title, hint, start);
  replace(parts.body, empty('Not sampled yet', 'It is done when you ask for it.'));
  return parts.card;
}

const keyLink = (key) =>
  typeof key === 'string'
    ? element('a', { href: '#keys/' + encodeURIComponent(key) }, printable(key))
    : printable(key);

export function show(root, signal) {
  const cards = [];
  if (may('slowlog|get')) cards.push(slowCommands());
  if (may('client|list')) cards.push(clients(signal));
  if (session.events.monitor) {
    cards.push(
      sampled(
        'Hot keys',
        'Counts the keys of the next 1,000 commands (MONITOR), or of ten seconds.',
        'Watch commands',
        (tell) => sampleHotKeys(signal, tell),
        ['Key', 'Commands', 'Kinds'],
        ({ key, times, names }) => [keyLink(key), count(times), names],
        'No command had a key.',
      ),
    );
  }
  if (may('randomkey', 'memory|usage', 'type')) {
    cards.push(
      sampled(
        'Big keys',
        'The largest of up to 2,000 random keys of database 0.',
        'Sample keys',
        sampleBigKeys,
        ['Key', 'Type', 'Memory'],
        ({ key, type, size }) => [keyLink(key), type, bytes(size)],
        'The database is empty.',
      ),
    );
  }
  replace(root, cards);
}
