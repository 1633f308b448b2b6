// SPDX-License-Identifier: MIT
// What happens now: published messages, keyspace notifications, and commands (MONITOR) up to a limit.
import { button, element, empty, failure, field, replace } from './dom.js';
import { clock, count } from './format.js';
import { parseLine } from './key_samples.js';
import { events, printable, run } from './server.js';
import { may, session } from './session.js';

export const name = 'live';
export const title = 'Live';
export const offered = () => session.events.subscribe || session.events.psubscribe || session.events.monitor;

const MOST_ROWS = 500;

// Rows come below; the list moves along only while its end is in sight.
class Log {
  constructor() {
    this.list = element('ol.log', { role: 'log', 'aria-label': 'Events' });
    this.total = element('p.fine', { role: 'status' }, '\u00a0');
    this.number = 0;
    this.clear();
  }

  clear() {
    replace(this.list, element('li', {}, empty('Nothing yet', 'Start to listen; what comes is shown here.')));
    this.isEmpty = true;
  }

  add(...cells) {
    if (this.isEmpty) replace(this.list);
    this.isEmpty = false;
    const isAtEnd = this.list.scrollTop + this.list.clientHeight >= this.list.scrollHeight - 20;
    this.list.append(element('li', {}, cells));
    while (this.list.children.length > MOST_ROWS) this.list.firstChild.remove();
    if (isAtEnd) this.list.scrollTop = this.list.scrollHeight;
    this.total.textContent = `${count(++this.number)} events; the last ${MOST_ROWS} are kept`;
  }
}

class Listening {
  constructor(signal, log, state) {
    Object.assign(this, { signal, log, state, mine: null });
    signal.addEventListener('abort', () => this.stop());
  }

  stop() {
    this.mine?.abort();
    this.mine = null;
    this.state('stopped');
  }

  async start(query, take) {
    this.stop();
    const mine = (this.mine = new AbortController());
    this.state('listening');
    try {
      await events(query, mine.signal, (event, data) => {
        if (event === 'dropped')
          this.log.add(
            element('em', {}, `${count(data.events)} events were dropped: they came faster than this page took them`),
          );
        else if (event === 'end') this.log.add(element('em', {}, 'The limit is reached.'));
        else take(data);
      });
    } catch (error) {
      if (!mine.signal.aborted) this.log.add(failure(error));
    }
    if (this.mine === mine) this.stop();
  }
}

const time = (ms) => element('time', {}, clock(ms));

function showMessage(log) {
  return ({ channel, message, bytes: length }) => {
    const cut = length === undefined ? '' : ` … (${count(length)} bytes)`;
    log.add(
      time(Date.now()),
      element('strong', {}, typeof channel === 'string' ? channel : '(bytes)'),
      element('span.mono', {}, (typeof message === 'string' ? message : '(bytes) ' + atob(message.base64)) + cut),
    );
  };
}

function showCommand(log) {
  return ({ line }) => {
    const parsed = typeof line === 'string' ? parseLine(line) : null;
    if (parsed === null) return;
    log.add(
      time(parsed.time),
      element('small', {}, `db ${parsed.db} ${parsed.client}`),
      element('span.mono', {}, parsed.words.map(printable).join(' ')),
    );
  };
}

// Notifications are off unless an option says which.
async function notificationsOff(again) {
  if (!may('config|get')) return null;
  const set = (await run(['CONFIG', 'GET', 'notify-keyspace-events'])).get('notify-keyspace-events');
  if (set !== '') return element('p.fine', {}, `notify-keyspace-events is ${set}.`);
  return element(
    'p.fine',
    {},
    'No notifications come: notify-keyspace-events is empty. ',
    may('config|set')
      ? button('Switch all on (KEA)', async () => {
          await run(['CONFIG', 'SET', 'notify-keyspace-events', 'KEA']);
          again();
        })
      : 'Who may CONFIG SET can switch them on.',
  );
}

export async function show(root, signal) {
  const log = new Log();
  const state = element('span.state', { role: 'status' }, 'stopped');
  const listening = new Listening(signal, log, (text) => {
    state.textContent = text;
    stop.disabled = text === 'stopped';
  });
  const stop = button('Stop', () => listening.stop(), { disabled: true });
  const pattern = element('input', { value: '*', 'aria-label': 'Channels' });
  const limit = element('input', { type: 'number', value: 1000, min: 1, max: 100000, 'aria-label': 'Limit' });
  const notifications = element('div', {});
  const tellNotifications = () =>
    notificationsOff(tellNotifications).then(
      (text) => replace(notifications, text),
      () => {},
    );
  const channel = element('input', { 'aria-label': 'Channel', placeholder: 'channel' });
  const message = element('input', { 'aria-label': 'Message', placeholder: 'message' });
  const publish = async (event) => {
    event.preventDefault();
    const reached = await run(['PUBLISH', channel.value, message.value]).catch((error) => error);
    log.add(reached instanceof Error ? failure(reached) : element('em', {}, `published to ${reached} subscribers`));
  };
  replace(
    root,
    element(
      'section.card',
      {},
      element('h2', {}, 'Live ', state),
      element(
        'div.row',
        {},
        session.events.psubscribe
          ? [
              field('Channels (a pattern)', pattern),
              button('Messages', () =>
                listening.start('pattern=' + encodeURIComponent(pattern.value), showMessage(log)),
              ),
              button('Key notifications', () =>
                listening.start('pattern=' + encodeURIComponent('__key*__:*'), showMessage(log)),
              ),
            ]
          : null,
        session.events.monitor
          ? [
              field('Commands at most', limit),
              button('Commands', () => listening.start(`monitor&limit=${Number(limit.value)}`, showCommand(log))),
            ]
          : null,
        stop,
        button('Clear', () => log.clear()),
      ),
      session.events.psubscribe ? notifications : null,
      session.events.monitor
        ? element('p.fine', {}, 'MONITOR slows the server down while it runs; it ends by itself.')
        : null,
      log.list,
      log.total,
      may('publish')
        ? element(
            'form.row',
            { onsubmit: publish },
            channel,
            element('div.grow', {}, message),
            element('button', {}, 'Publish'),
          )
        : null,
    ),
  );
  await tellNotifications();
}
