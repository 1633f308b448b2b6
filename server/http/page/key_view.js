// SPDX-License-Identifier: MIT
// One key: its type, time to live and memory; beneath, its value as what it is.
import { ask } from './ask.js';
import { readBytes, shownBytes } from './bytes_input.js';
import { button, confirmed, element, empty, failure, field, replace } from './dom.js';
import { bytes, duration } from './format.js';
import { collectionViews } from './collection_view.js';
import { printable, run, runAll } from './server.js';
import { may } from './session.js';
import { showStream } from './stream_view.js';
import { showString } from './string_view.js';

const kinds = { string: 'string', hash: 'hash', list: 'list', set: 'set', zset: 'sorted set', stream: 'stream' };

function lifetime(ms) {
  return ms < 0 ? 'never expires' : `expires in ${duration(ms / 1000)}`;
}

class KeyView {
  constructor(root, key, db, signal, changed) {
    Object.assign(this, { root, key, db, signal, changed });
  }

  run(...words) {
    return run(words, this.db);
  }

  // Runs a change, says what went wrong, and shows the key as it is then.
  change(...words) {
    return this.changeIf(undefined, ...words);
  }

  // `check` throws what speaks against it.
  async changeIf(check, ...words) {
    try {
      await check?.();
      await this.run(...words);
    } catch (error) {
      this.said.replaceChildren(failure(error));
      return;
    }
    await this.show();
  }

  async show() {
    const [type, ttl, memory, encoding] = await runAll(
      [
        ['TYPE', this.key],
        ['PTTL', this.key],
        ['MEMORY', 'USAGE', this.key],
        ['OBJECT', 'ENCODING', this.key],
      ],
      this.db,
    );
    if (this.signal.aborted) return;
    if (type instanceof Error) throw type;
    if (type === 'none') {
      replace(this.root, empty('This key is gone', 'It was deleted, or has expired.'));
      return;
    }
    const facts = [
      kinds[type] ?? type,
      typeof encoding === 'string' ? encoding : null,
      typeof memory === 'number' ? bytes(memory) : null,
      typeof ttl === 'number' ? lifetime(ttl) : null,
    ];
    this.said = element('div', { role: 'status' });
    const value = element('div.value', {});
    replace(
      this.root,
      element('h2.keyname', {}, printable(this.key)),
      element('p.fine', {}, facts.filter((each) => each !== null).join(' · ')),
      this.buttons(ttl),
      this.said,
      value,
    );
    const show = { string: showString, stream: showStream, ...collectionViews }[type];
    if (show === undefined) replace(value, empty(`A ${type} can’t be shown here`));
    else await show(value, this);
  }

  buttons(ttl) {
    return element(
      'div.row',
      {},
      button('Refresh', () => this.show().catch((error) => replace(this.root, failure(error)))),
      may('expire') ? button('Set time to live', () => this.expire(ttl)) : null,
      may('persist') && ttl >= 0 ? button('Keep for ever', () => this.change('PERSIST', this.key)) : null,
      may('renamenx') ? button('Rename', () => this.rename()) : null,
      may('unlink') ? element('button.danger', { type: 'button', onclick: () => this.remove() }, 'Delete') : null,
    );
  }

  async expire(ttl) {
    const given = await ask(
      'Time to live',
      [{ name: 'seconds', label: 'Seconds', value: ttl > 0 ? Math.ceil(ttl / 1000) : '' }],
      'Set',
    );
    if (given === null) return;
    const isOver = Number(given.seconds) <= 0;
    if (isOver && !(await confirmed('Delete this key?', ['Its time would be over at once.'], 'Delete'))) return;
    await this.change('EXPIRE', this.key, given.seconds);
  }

  async rename() {
    const given = await ask('Rename', [{ name: 'name', label: 'New name', value: shownBytes(this.key) }], 'Rename');
    if (given === null) return;
    const name = readBytes(given.name);
    try {
      if ((await this.run('RENAMENX', this.key, name)) === 0) throw new Error('There is a key of that name already.');
      this.key = name;
      await this.show();
    } catch (error) {
      this.said.replaceChildren(failure(error));
    }
  }

  async remove() {
    if (!(await confirmed('Delete this key?', [printable(this.key)], 'Delete'))) return;
    try {
      await this.run('UNLINK', this.key);
      this.changed(true);
    } catch (error) {
      this.said.replaceChildren(failure(error));
    }
  }
}

export function showKey(root, key, db, signal, changed) {
  return new KeyView(root, key, db, signal, changed).show();
}

// What makes a key of each type, from its first value.
const makers = {
  string: (key, value) => ['SET', key, value, 'NX'],
  hash: (key, value, name) => ['HSET', key, name, value],
  list: (key, value) => ['RPUSH', key, value],
  set: (key, value) => ['SADD', key, value],
  zset: (key, value, name) => ['ZADD', key, name, value],
  stream: (key, value, name) => ['XADD', key, '*', name, value],
};
const nameLabels = { hash: 'Field', zset: 'Score', stream: 'Field' };

export function newKeyForm(root, db, made) {
  const key = element('input', { name: 'key', required: true, autocomplete: 'off' });
  const value = element('textarea', { name: 'value' });
  const inner = element('input', { name: 'inner', autocomplete: 'off' });
  const innerField = field('Field', inner);
  const type = element(
    'select',
    {
      name: 'type',
      onchange: () => {
        innerField.hidden = nameLabels[type.value] === undefined;
        innerField.firstChild.textContent = nameLabels[type.value] ?? '';
      },
    },
    Object.keys(makers).map((each) => element('option', { value: each }, kinds[each])),
  );
  innerField.hidden = true;
  const said = element('div', { role: 'status' });
  const submit = async (event) => {
    event.preventDefault();
    const name = readBytes(key.value);
    try {
      if ((await run(['EXISTS', name], db)) !== 0) throw new Error('There is a key of that name already.');
      await run(makers[type.value](name, readBytes(value.value), readBytes(inner.value)), db);
      await made(name);
    } catch (error) {
      replace(said, failure(error));
    }
  };
  replace(
    root,
    element(
      'form',
      { onsubmit: submit },
      element('h2', {}, 'New key'),
      field('Name', key),
      field('Type', type),
      innerField,
      field('Value', value, 'Any bytes: \\x00 is one, \\\\ a backslash.'),
      said,
      element('button.primary', {}, 'Create'),
    ),
  );
  key.focus();
}
