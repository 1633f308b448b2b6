// SPDX-License-Identifier: MIT
import { element, field, replace } from './dom.js';
import { setLogin } from './server.js';

export function showLogin(root, start, text) {
  const user = element('input', { name: 'user', value: 'default', autocomplete: 'username', required: true });
  const password = element('input', { name: 'password', type: 'password', autocomplete: 'current-password' });
  replace(
    root,
    element(
      'form.login',
      {
        onsubmit: (event) => {
          event.preventDefault();
          setLogin(user.value, password.value);
          start();
        },
      },
      element('h2', {}, 'Log in'),
      element('p', {}, 'With a user of this server (ACL SETUSER), or “default” with the password of requirepass.'),
      text ? element('p.failure', { role: 'alert' }, text) : null,
      field('User', user),
      field('Password', password),
      element('button.primary', {}, 'Log in'),
    ),
  );
  password.focus();
}
