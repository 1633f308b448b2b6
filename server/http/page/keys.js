// SPDX-License-Identifier: MIT
// Keys: a tree by a separator, with numbers and bytes per branch; a search as one types; beside it the key that is
// open.
import { button, confirmed, element, empty, failure, field, replace } from './dom.js';
import { bytes, count, short } from './format.js';
import { KeyWalk } from './key_walk.js';
import { newKeyForm, showKey } from './key_view.js';
import { printable, run, runAll } from './server.js';
import { may, session } from './session.js';

export const name = 'keys';
export const title = 'Keys';
export const offered = () => may('scan');

const TYPING_MS = 250;
const MOST_BRANCHES = 500; // that are listed at a time, on a level

// What means itself in a pattern.
const literal = (text) => text.replace(/[*?[\]\\]/g, '\\$&');

class KeyBrowser {
  constructor(root, signal, prefix) {
    this.signal = signal;
    this.search = element('input', {
      type: 'search',
      placeholder: 'user:  or  *:name',
      value: prefix,
      autocomplete: 'off',
      'aria-label': 'Search',
      oninput: () => this.later(),
    });
    this.mode = element(
      'select',
      { 'aria-label': 'How it is searched', onchange: () => this.start() },
      [
        ['prefix', 'begins with'],
        ['suffix', 'ends with'],
        ['pattern', 'pattern'],
      ].map(([value, text]) => element('option', { value }, text)),
    );
    this.separator = element('input', {
      value: ':',
      size: 3,
      'aria-label': 'Separator',
      oninput: () => this.later(),
    });
    this.db = element(
      'select',
      { 'aria-label': 'Database', onchange: () => this.start() },
      Array.from({ length: Math.min(session.databases, 64) }, (_, i) => element('option', { value: i }, `db ${i}`)),
    );
    this.tree = element('ul.tree', { role: 'tree', 'aria-label': 'Keys' });
    this.total = element('p.fine', { role: 'status' }, '\u00a0');
    this.more = element('div');
    this.detail = element('section.card.detail', { 'aria-label': 'Key' });
    replace(
      root,
      element(
        'div.keys',
        {},
        element(
          'section.card.browse',
          {},
          element('div.row', {}, this.mode, element('div.grow', {}, this.search)),
          element(
            'div.row',
            {},
            field('Separator', this.separator),
            field('Database', this.db),
            may('set') ? button('New key', () => this.create()) : null,
          ),
          this.total,
          this.tree,
          this.more,
        ),
        this.detail,
      ),
    );
    this.tree.addEventListener('keydown', (event) => this.key(event));
    this.nothingOpen();
  }

  nothingOpen() {
    replace(this.detail, empty('No key is open', 'Choose one on the left. A branch opens and closes with a click.'));
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.start(), TYPING_MS);
  }

  dbNumber() {
    return Number(this.db.value);
  }

  // What the search field asks for, as a walk.
  asked() {
    const text = this.search.value;
    const db = this.dbNumber();
    if (this.mode.value === 'pattern') return { pattern: text === '' ? '*' : text, db };
    if (this.mode.value === 'suffix') return { pattern: '*' + literal(text), db };
    return { prefix: text, separator: this.separator.value, db };
  }

  async start() {
    this.walking?.abort();
    this.walking = new AbortController();
    this.signal.addEventListener('abort', () => this.walking.abort(), { once: true });
    const prefix = this.mode.value === 'prefix' ? this.search.value : '';
    history.replaceState(null, '', '#keys' + (prefix === '' ? '' : '/' + encodeURIComponent(prefix)));
    await this.fill(this.tree, this.asked(), this.walking.signal, this.total);
  }

  // Shows a walk in a list. Rows keep their places while the numbers grow.
  async fill(list, what, signal, total) {
    const walk = new KeyWalk(what);
    const rows = new Map();
    const rest = element('li', {}); // asks for what isn't listed
    let listed = 0;
    let most = MOST_BRANCHES;
    replace(list);
    const tell = () => {
      for (const [id, branch] of walk.branches) {
        if (!rows.has(id) && rows.size < most) rows.set(id, this.branchRow(list, branch, what, signal));
        rows.get(id)?.show(branch, walk.isDone);
      }
      for (; listed < walk.keys.length; ++listed)
        this.insert(list, this.keyRow(walk.keys[listed]), 'key ' + printable(walk.keys[listed].key));
      const more = walk.isDone ? '' : ' so far';
      total.textContent = `${count(walk.count)} keys, ${bytes(walk.bytes)}${more}`;
    };
    const offerRest = () => {
      const hidden = walk.branches.size - rows.size;
      const showBranches = () => {
        most += MOST_BRANCHES;
        tell();
        offerRest();
      };
      const branches = hidden > 0 ? button(`Show more branches, of ${count(hidden)}`, showBranches) : null;
      const keys = walk.hasMore ? button('Show more keys', go) : null;
      replace(rest, branches, keys);
      if (branches !== null || keys !== null) list.append(rest);
      else rest.remove();
    };
    const go = async () => {
      rest.remove();
      try {
        await walk.go(signal, tell);
      } catch (error) {
        if (!signal.aborted)
          replace(
            list,
            element(
              'li',
              {},
              failure(error, () => this.fill(list, what, signal, total)),
            ),
          );
        return;
      }
      if (signal.aborted) return;
      if (walk.count === 0 && walk.isDone)
        replace(
          list,
          element(
            'li',
            {},
            empty(
              'No keys',
              what.prefix || (what.pattern !== '*' && what.pattern)
                ? 'None fits this search.'
                : 'This database is empty.',
            ),
          ),
        );
      offerRest();
      if (list === this.tree) this.actions(what, walk);
    };
    await go();
  }

  // In the order of names, branches before keys.
  insert(list, row, order) {
    row.dataset.order = order;
    let from = 0;
    let to = list.children.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((list.children[middle].dataset.order ?? '~') < order) from = middle + 1;
      else to = middle;
    }
    list.insertBefore(row, list.children[from] ?? null);
  }

  // Delete what was found.
  actions(what, walk) {
    const can = may('unlink', 'scan') && walk.count > 0 && this.search.value !== '';
    replace(
      this.more,
      can
        ? element('button.danger', { type: 'button', onclick: () => this.deleteAll(what) }, 'Delete all of these…')
        : null,
    );
  }

  async deleteAll(what) {
    const pattern = what.pattern ?? literal(what.prefix) + '*';
    this.walking?.abort();
    const walk = new KeyWalk(what, false);
    try {
      await walk.go(this.signal, () => {
        this.total.textContent = `counting: ${count(walk.count)}`;
      });
    } catch (error) {
      replace(this.detail, failure(error));
      return;
    }
    if (this.signal.aborted) return;
    const shown = `${count(walk.count)} keys`;
    if (
      !(await confirmed(
        `Delete ${shown}?`,
        [
          `All keys that fit ${printable(pattern)} in database ${what.db}: ${shown}, ` +
            `${bytes(walk.bytes)}. This can’t be undone. Keys that appear meanwhile are deleted too.`,
        ],
        'Delete them',
        String(walk.count),
      ))
    ) {
      return this.start();
    }
    let cursor = '0';
    let deleted = 0;
    try {
      do {
        const [next, keys] = await run(['SCAN', cursor, 'MATCH', pattern, 'COUNT', '1000'], what.db);
        cursor = next;
        if (keys.length > 0) {
          // One command a key: in a cluster they may have different slots.
          const replies = session.cluster
            ? await runAll(
                keys.map((key) => ['UNLINK', key]),
                what.db,
              )
            : await runAll([['UNLINK', ...keys]], what.db);
          const failed = replies.find((reply) => reply instanceof Error);
          if (failed) throw failed;
          deleted += replies.reduce((sum, reply) => sum + reply, 0);
        }
        this.total.textContent = `deleted ${count(deleted)}`;
      } while (cursor !== '0' && !this.signal.aborted);
    } catch (error) {
      replace(this.detail, failure(error));
    }
    this.nothingOpen();
    await this.start();
    this.total.textContent = `deleted ${count(deleted)}; ${this.total.textContent}`;
  }

  branchRow(list, branch, what, signal) {
    const number = element('span.number', {});
    const size = element('small', {});
    const inner = element('ul', { role: 'group', hidden: true });
    const note = element('p.fine', {});
    let opened = null;
    const row = element('li', { role: 'treeitem', 'aria-expanded': 'false' });
    const head = element(
      'button.branch',
      {
        type: 'button',
        onclick: () => {
          inner.hidden = !inner.hidden;
          row.setAttribute('aria-expanded', String(!inner.hidden));
          opened ??= this.fill(inner, { ...what, prefix: branch.name }, signal, note);
        },
      },
      element('span.name', {}, printable(branch.name).slice(printable(what.prefix).length)),
      number,
      size,
    );
    row.append(head, inner);
    this.insert(list, row, 'branch ' + printable(branch.name));
    return {
      show: (now, isDone) => {
        number.textContent = short(now.keys) + (isDone ? '' : '…');
        number.title = `${count(now.keys)} keys`;
        size.textContent = bytes(now.bytes);
      },
    };
  }

  keyRow(each) {
    const isCut = each.length !== undefined;
    const row = element('li', { role: 'treeitem' });
    row.append(
      element(
        'button.key',
        {
          type: 'button',
          disabled: isCut,
          title: isCut ? `Its name has ${bytes(each.length)}: too long to be shown whole.` : '',
          onclick: () => this.open(each.key, row),
        },
        each.type === undefined ? null : element('span.badge', {}, each.type),
        element('span.name', {}, printable(each.key) + (isCut ? '…' : '')),
        each.ttl === undefined ? null : element('small', { title: 'expires' }, 'ttl'),
        each.bytes === undefined ? null : element('small', {}, bytes(each.bytes)),
      ),
    );
    return row;
  }

  open(key, row) {
    this.tree.querySelector('[aria-selected]')?.removeAttribute('aria-selected');
    row?.setAttribute('aria-selected', 'true');
    this.opened?.abort();
    this.opened = new AbortController();
    const changed = (isGone) => {
      if (isGone) {
        row?.remove();
        this.nothingOpen();
      }
    };
    showKey(this.detail, key, this.dbNumber(), this.opened.signal, changed).catch((error) =>
      replace(
        this.detail,
        failure(error, () => this.open(key, row)),
      ),
    );
  }

  create() {
    newKeyForm(this.detail, this.dbNumber(), async (key) => {
      await this.start();
      this.open(key);
    });
  }

  // Arrows go through the rows that are visible.
  key(event) {
    if (!['ArrowDown', 'ArrowUp', 'ArrowRight', 'ArrowLeft'].includes(event.key)) return;
    const rows = [...this.tree.querySelectorAll('button')].filter((each) => each.checkVisibility());
    const at = rows.indexOf(document.activeElement);
    if (at < 0) return;
    event.preventDefault();
    const item = rows[at].closest('[role=treeitem]');
    const isOpen = item?.getAttribute('aria-expanded');
    if ((event.key === 'ArrowRight' && isOpen === 'false') || (event.key === 'ArrowLeft' && isOpen === 'true'))
      rows[at].click();
    else rows[at + (event.key === 'ArrowDown' || event.key === 'ArrowRight' ? 1 : -1)]?.focus();
  }
}

export async function show(root, signal, prefix) {
  const browser = new KeyBrowser(root, signal, prefix);
  await browser.start();
}
