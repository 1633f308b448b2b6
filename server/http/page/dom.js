// SPDX-License-Identifier: MIT
// Elements without markup in texts: what the server says is never parsed as HTML.

// element('button.primary', { onclick: f, disabled: true }, 'Save', other). A property that begins with "on" is a
// listener; `data-`, `aria-` and `role` are attributes.
export function element(selector, properties = {}, ...children) {
  const [tag, ...classes] = selector.split('.');
  const made = document.createElement(tag || 'div');
  if (classes.length > 0) made.className = classes.join(' ');
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (name.includes('-') || name === 'role' || name === 'for' || name === 'list')
      made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export function replace(parent, ...children) {
  parent.replaceChildren(
    ...children.flat().filter((child) => child !== null && child !== undefined && child !== false),
  );
}

export function button(text, onclick, properties = {}) {
  return element('button', { type: 'button', onclick, ...properties }, text);
}

export function field(label, input, hint) {
  return element('label.field', {}, element('span', {}, label), input, hint ? element('small', {}, hint) : null);
}

export function empty(title, ...more) {
  return element('div.empty', {}, element('strong', {}, title), ...more.map((text) => element('p', {}, text)));
}

// An error in words, where it happened.
export function failure(error, again) {
  return element(
    'div.failure',
    { role: 'alert' },
    element('strong', {}, 'That did not work. '),
    error.message,
    again ? button('Try again', again) : null,
  );
}

// A table with a head; `rows` are lists of texts or elements. On a phone each cell names its column.
export function table(columns, rows, name) {
  const body = rows.map((row) =>
    element(
      'tr',
      {},
      row.map((cell, i) =>
        element('td', { 'data-label': columns[i] }, cell instanceof Node ? cell : String(cell ?? '')),
      ),
    ),
  );
  return element(
    'div.scroll',
    {},
    element(
      'table',
      name ? { 'aria-label': name } : {},
      element(
        'thead',
        {},
        element(
          'tr',
          {},
          columns.map((column) => element('th', { scope: 'col' }, column)),
        ),
      ),
      element('tbody', {}, body),
    ),
  );
}

// Asks in a dialog. Resolves to true, or false. `word`: what has to be typed before.
export function confirmed(title, lines, action, word) {
  return new Promise((resolve) => {
    const go = element('button.danger', { value: 'yes', disabled: word !== undefined }, action);
    const typed =
      word === undefined
        ? null
        : element('input', {
            autocomplete: 'off',
            'aria-label': `Type ${word}`,
            oninput: () => {
              go.disabled = typed.value !== word;
            },
          });
    const dialog = element(
      'dialog',
      {
        onclose: () => {
          dialog.remove();
          resolve(dialog.returnValue === 'yes');
        },
      },
      element(
        'form',
        { method: 'dialog' },
        element('h2', {}, title),
        lines.map((line) => element('p', {}, line)),
        typed ? field(`Type “${word}” to go on`, typed) : null,
        element('div.actions', {}, element('button', { value: 'no', autofocus: word === undefined }, 'Cancel'), go),
      ),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}
