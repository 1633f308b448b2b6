// SPDX-License-Identifier: MIT
// A command line: completion and hints from COMMAND DOCS, history, replies with their types.
import { confirmed, element, replace } from './dom.js';
import { commandDocs, completions } from './command_docs.js';
import { replyView } from './reply_view.js';
import { printable, runTyped } from './server.js';
import { isDangerous, nameOf, session } from './session.js';
import { splitWords } from './words.js';

export const name = 'commands';
export const title = 'Command line';
export const offered = () => Object.keys(session.commands).length > 0;

const KEPT = 'ringkv.lines';
const MOST_LINES = 200;
const MOST_REPLIES = 100;
const MOST_COMPLETIONS = 12;

const lines = JSON.parse(sessionStorage.getItem(KEPT) ?? '[]');

function remember(line) {
  if (lines.at(-1) !== line) lines.push(line);
  while (lines.length > MOST_LINES) lines.shift();
  // Passwords are not kept.
  const safe = lines.filter((each) => !/\b(auth2?|setuser|requirepass|masterauth|hello)\b|-pass(word)?\b/i.test(each));
  sessionStorage.setItem(KEPT, JSON.stringify(safe));
}

// The command at the beginning of the line, as COMMAND DOCS names it.
function commandIn(line) {
  const words = line.trim().toLowerCase().split(/\s+/);
  return nameOf(words);
}

class CommandLine {
  constructor(docs) {
    this.docs = docs;
    this.at = lines.length;
    this.replies = element('div.replies', { role: 'log', 'aria-label': 'Replies' });
    this.input = element('input', {
      autocomplete: 'off',
      spellcheck: false,
      placeholder: 'GET key',
      role: 'combobox',
      'aria-label': 'Command',
      'aria-expanded': 'false',
      'aria-controls': 'completions',
      autocapitalize: 'off',
    });
    this.list = element('ul.completions', { id: 'completions', role: 'listbox', hidden: true });
    this.hint = element('p.hint', { id: 'hint', role: 'status' }, '\u00a0');
    this.db = element(
      'select',
      { 'aria-label': 'Database' },
      Array.from({ length: Math.min(session.databases, 64) }, (_, i) => element('option', { value: i }, `db ${i}`)),
    );
    this.chosen = -1;
    this.input.addEventListener('input', () => this.suggest());
    this.input.addEventListener('keydown', (event) => this.key(event));
    this.input.addEventListener('blur', () => this.closeList());
    this.form = element(
      'form.line',
      {
        onsubmit: (event) => {
          event.preventDefault();
          this.submit();
        },
      },
      this.db,
      element('div.entry', {}, this.input, this.list),
      element('button.primary', {}, 'Run'),
    );
  }

  suggest() {
    const text = this.input.value;
    const found = /^\s*\S*(\s+\S*)?$/.test(text) && text.trim() !== '' ? completions(text.trim()) : [];
    const exact = found.length === 1 && found[0] === text.trim().toLowerCase();
    this.found = exact ? [] : found.slice(0, MOST_COMPLETIONS);
    this.chosen = -1;
    replace(
      this.list,
      this.found.map((each, i) =>
        element(
          'li',
          {
            role: 'option',
            id: `completion-${i}`,
            onpointerdown: (event) => {
              event.preventDefault();
              this.complete(i);
            },
          },
          element('strong', {}, each.toUpperCase()),
          ' ',
          element('small', {}, this.docs.get(each.replace(' ', '|'))?.summary ?? ''),
        ),
      ),
    );
    this.openList(this.found.length > 0);
    this.showHint();
  }

  showHint() {
    const about = this.docs.get(commandIn(this.input.value));
    this.hint.textContent =
      about === undefined
        ? '\u00a0'
        : `${commandIn(this.input.value).replace('|', ' ').toUpperCase()} ${about.syntax} — ${about.summary}`;
  }

  openList(isOpen) {
    this.list.hidden = !isOpen;
    this.input.setAttribute('aria-expanded', String(isOpen));
  }

  closeList() {
    this.openList(false);
    this.chosen = -1;
  }

  choose(i) {
    this.chosen = (i + this.found.length) % this.found.length;
    [...this.list.children].forEach((each, j) => each.setAttribute('aria-selected', String(j === this.chosen)));
    this.input.setAttribute('aria-activedescendant', `completion-${this.chosen}`);
    this.list.children[this.chosen].scrollIntoView({ block: 'nearest' });
  }

  complete(i) {
    this.input.value = this.found[i].toUpperCase() + ' ';
    this.closeList();
    this.showHint();
    this.input.focus();
  }

  key(event) {
    const isOpen = !this.list.hidden;
    if (event.key === 'Tab' && isOpen && !event.shiftKey) {
      event.preventDefault();
      this.complete(Math.max(this.chosen, 0));
    } else if (event.key === 'Escape' && isOpen) {
      this.closeList();
    } else if (event.key === 'Enter' && isOpen && this.chosen >= 0) {
      event.preventDefault();
      this.complete(this.chosen);
    } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      const step = event.key === 'ArrowDown' ? 1 : -1;
      if (isOpen) this.choose(this.chosen < 0 && step < 0 ? -1 : this.chosen + step);
      else this.recall(step);
    } else if (event.key === 'l' && event.ctrlKey) {
      event.preventDefault();
      this.replies.replaceChildren();
    }
  }

  recall(step) {
    this.at = Math.min(Math.max(this.at + step, 0), lines.length);
    this.input.value = lines[this.at] ?? '';
    this.showHint();
  }

  show(line, answer) {
    this.replies.append(element('div.exchange', {}, element('code.asked', {}, line), answer));
    while (this.replies.children.length > MOST_REPLIES) this.replies.firstChild.remove();
    this.replies.lastChild.scrollIntoView({ block: 'nearest' });
  }

  async submit() {
    const line = this.input.value.trim();
    if (line === '') return;
    this.closeList();
    try {
      const words = splitWords(line);
      const command = nameOf(words);
      if (
        isDangerous(command) &&
        !(await confirmed(
          `Run ${command.replace('|', ' ').toUpperCase()}?`,
          ['This command can lose data, or change the whole server:', words.map(printable).join(' ')],
          'Run it',
        ))
      )
        return;
      remember(line);
      this.at = lines.length;
      this.input.value = '';
      this.showHint();
      const began = performance.now();
      const [reply] = await runTyped([words], Number(this.db.value));
      this.show(line, [replyView(reply), element('small.took', {}, `${(performance.now() - began).toFixed(1)} ms`)]);
    } catch (error) {
      this.show(line, element('div.reply', {}, element('span.error', {}, error.message)));
    }
    this.input.focus();
  }
}

export async function show(root) {
  const docs = await commandDocs();
  const line = new CommandLine(docs);
  replace(
    root,
    element(
      'section.card.commands',
      {},
      element('h2', {}, 'Command line'),
      line.replies,
      line.form,
      line.hint,
      element(
        'p.fine',
        {},
        'Tab completes, ↑ and ↓ recall, Ctrl+L clears. Each line stands alone: MULTI, SUBSCRIBE and ' +
          'SELECT need a connection of the Redis protocol.',
      ),
    ),
  );
  line.input.focus();
}
