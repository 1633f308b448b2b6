// SPDX-License-Identifier: MIT
// A reply with its types of RESP3.
import { element } from './dom.js';
import { fromWire, printable } from './server.js';

const MOST_SHOWN = 500;
const names = {
  status: 'simple string',
  string: 'bulk string',
  bignumber: 'big number',
  verbatim: 'verbatim string',
};

function scalar(reply) {
  switch (reply.type) {
    case 'null':
      return element('span.null', {}, '(null)');
    case 'integer':
    case 'double':
    case 'bignumber':
      return element('span.number', {}, reply.value);
    case 'boolean':
      return element('span.number', {}, String(reply.value));
    case 'error':
      return element('span.error', {}, printable(fromWire(reply.value)));
    case 'status':
      return element('span.status', {}, printable(fromWire(reply.value)));
    default: {
      const value = fromWire(reply.value);
      const hasLines = typeof value === 'string' && value.includes('\n');
      return hasLines ? element('pre.text', {}, value) : element('span.text', {}, `"${printable(value)}"`);
    }
  }
}

function isScalar(reply) {
  return !['array', 'set', 'map'].includes(reply.type);
}

function members(reply) {
  const shown = reply.value.slice(0, MOST_SHOWN);
  const list = element(
    'ol',
    { start: 1 },
    shown.map((each) =>
      element(
        'li',
        {},
        reply.type === 'map'
          ? [scalarOrMore(each[0]), element('span.arrow', {}, ' → '), scalarOrMore(each[1])]
          : scalarOrMore(each),
      ),
    ),
  );
  const rest = reply.value.length - shown.length;
  return [list, rest > 0 ? element('p.fine', {}, `and ${rest.toLocaleString('en')} more`) : null];
}

function scalarOrMore(reply) {
  return isScalar(reply)
    ? element('span', { title: names[reply.type] ?? reply.type }, scalar(reply))
    : replyView(reply);
}

export function replyView(reply) {
  const type = names[reply.type] ?? reply.type;
  if (isScalar(reply)) return element('div.reply', {}, element('span.type', {}, type), scalar(reply));
  const size = reply.value.length;
  if (size === 0)
    return element('div.reply', {}, element('span.type', {}, type), element('span.null', {}, '(empty)'));
  return element(
    'details.reply',
    { open: true },
    element(
      'summary',
      {},
      element('span.type', {}, type),
      `${size} ` + (reply.type === 'map' ? (size === 1 ? 'pair' : 'pairs') : size === 1 ? 'element' : 'elements'),
    ),
    members(reply),
  );
}
