// SPDX-License-Identifier: MIT
// A dialog with fields. Resolves to what was entered, by name, or to null.
import { element, field } from './dom.js';

// `fields`: [{ name, label, value, multiline, hint }].
export function ask(title, fields, action) {
  return new Promise((resolve) => {
    const inputs = fields.map((each) =>
      element(each.multiline ? 'textarea' : 'input', {
        name: each.name,
        value: each.value ?? '',
        autocomplete: 'off',
        spellcheck: false,
      }),
    );
    const dialog = element(
      'dialog',
      {
        onclose: () => {
          dialog.remove();
          resolve(
            dialog.returnValue !== 'yes'
              ? null
              : Object.fromEntries(fields.map((each, i) => [each.name, inputs[i].value])),
          );
        },
      },
      element(
        'form',
        { method: 'dialog' },
        element('h2', {}, title),
        fields.map((each, i) => field(each.label, inputs[i], each.hint)),
        element(
          'div.actions',
          {},
          element('button', { value: 'no', type: 'button', onclick: () => dialog.close('no') }, 'Cancel'),
          element('button.primary', { value: 'yes' }, action),
        ),
      ),
    );
    document.body.append(dialog);
    dialog.showModal();
    inputs[0].focus();
  });
}
