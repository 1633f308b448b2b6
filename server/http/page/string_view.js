// SPDX-License-Identifier: MIT
// A string: as text, as JSON with indentation, as hexadecimal digits, as bits; a HyperLogLog as its estimate.
import { readBytes, hexDump, shownBytes } from './bytes_input.js';
import { button, element, replace } from './dom.js';
import { bytes, count } from './format.js';
import { toBytes } from './server.js';
import { may } from './session.js';

const MOST_BYTES = 64 * 1024; // that are shown
const MOST_BITS = 1024;

function prettyJson(value) {
  if (typeof value !== 'string' || !/^\s*[[{"]/.test(value)) return null;
  try {
    JSON.parse(value);
  } catch {
    return null;
  }
  // Digits and names stay as they are: only blanks between are new.
  let depth = 0;
  return value.replace(
    /("(?:[^"\\]|\\.)*")|([[{])\s*([\]}])?|([\]}])|(,)|(:)|\s+/g,
    (_, text, open, shut, close, comma, colon) => {
      const line = () => '\n' + '  '.repeat(depth);
      if (text) return text;
      if (open && shut) return open + shut;
      if (open) {
        ++depth;
        return open + line();
      }
      if (close) {
        --depth;
        return line() + close;
      }
      if (comma) return ',' + line();
      return colon ? ': ' : '';
    },
  );
}

function bitGrid(view, value) {
  const shown = Array.from(toBytes(value).subarray(0, MOST_BITS / 8));
  const grid = element('div.bits', { role: 'group', 'aria-label': 'Bits' });
  shown.forEach((byte, at) => {
    for (let bit = 0; bit < 8; ++bit) {
      const offset = 8 * at + bit;
      const isSet = (byte >> (7 - bit)) & 1;
      grid.append(
        element(
          'button',
          {
            type: 'button',
            title: `bit ${offset}`,
            disabled: !may('setbit'),
            'aria-pressed': String(isSet === 1),
            onclick: () => view.change('SETBIT', view.key, offset, 1 - isSet),
          },
          String(isSet),
        ),
      );
    }
  });
  return grid;
}

function editor(view, value) {
  const text = element('textarea', {
    value: shownBytes(value, true),
    spellcheck: false,
    readOnly: !may('set'),
    'aria-label': 'Value',
  });
  return [
    text,
    may('set')
      ? element(
          'div.row',
          {},
          button('Save', () => view.change('SET', view.key, readBytes(text.value), 'XX', 'KEEPTTL'), {
            className: 'primary',
          }),
          element('small', {}, '\\x00 is a byte, \\\\ a backslash'),
        )
      : null,
  ];
}

export async function showString(root, view) {
  const [length, value] = await Promise.all([
    view.run('STRLEN', view.key),
    view.run('GETRANGE', view.key, 0, MOST_BYTES - 1),
  ]);
  const isWhole = length <= MOST_BYTES;
  const isHyperLogLog = typeof value !== 'string' && String.fromCharCode(...value.slice(0, 4)) === 'HYLL';
  const estimate = isHyperLogLog && may('pfcount') ? await view.run('PFCOUNT', view.key) : null;
  const json = isWhole ? prettyJson(value) : null;
  const forms = {
    Text: () => (isWhole ? editor(view, value) : element('pre', {}, shownBytes(value, true))),
    JSON: json === null ? null : () => element('pre.json', {}, json),
    Hex: () => element('pre.hex', {}, hexDump(value)),
    Bits: () => [
      bitGrid(view, value),
      length > MOST_BITS / 8 ? element('p.fine', {}, `The first ${MOST_BITS} bits.`) : null,
    ],
  };
  const body = element('div', {});
  const chosen = json !== null ? 'JSON' : typeof value === 'string' ? 'Text' : 'Hex';
  const choose = (form) => {
    replace(body, forms[form]());
    for (const each of buttons) each.setAttribute('aria-pressed', String(each.textContent === form));
  };
  const buttons = Object.keys(forms)
    .filter((form) => forms[form] !== null)
    .map((form) => button(form, () => choose(form)));
  replace(
    root,
    element('p.fine', {}, `${bytes(length)}${isWhole ? '' : `, the first ${bytes(MOST_BYTES)} are shown`}`),
    estimate === null
      ? null
      : element('p', {}, element('strong', {}, 'HyperLogLog'), ` of about ${count(estimate)} distinct elements`),
    element('div.row.forms', {}, buttons),
    body,
  );
  choose(chosen);
}
