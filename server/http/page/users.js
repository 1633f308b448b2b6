// SPDX-License-Identifier: MIT
// Users and what they may do (ACL): each as his rules, changed by rules.
import { ask } from './ask.js';
import { button, confirmed, element, empty, failure, replace, table } from './dom.js';
import { moment } from './format.js';
import { printable, run } from './server.js';
import { may, session } from './session.js';

export const name = 'users';
export const title = 'Users';
export const offered = () => may('acl|list');

// "user alice on #... ~* +@all": the name and the rules, without the digests of passwords.
function parseUser(line) {
  const [, user, ...rules] = line.split(' ');
  const passwords = rules.filter((rule) => rule.startsWith('#')).length;
  return {
    user,
    isOn: rules.includes('on'),
    needsPassword: !rules.includes('nopass'),
    passwords,
    rules: rules.filter((rule) => !rule.startsWith('#') && rule !== 'on' && rule !== 'off' && rule !== 'nopass'),
  };
}

class UserList {
  constructor() {
    this.body = element('div', {});
    this.said = element('div', { role: 'status' });
  }

  async change(...words) {
    try {
      await run(words);
      replace(this.said);
    } catch (error) {
      replace(this.said, failure(error));
    }
    await this.show();
  }

  async edit(name, hint) {
    const given = await ask(
      name === '' ? 'New user' : `Change ${name}`,
      [
        ...(name === '' ? [{ name: 'user', label: 'Name' }] : []),
        { name: 'rules', label: 'Rules', value: '', hint },
      ],
      'Apply',
    );
    if (given !== null)
      await this.change(
        'ACL',
        'SETUSER',
        given.user ?? name,
        ...given.rules.split(/\s+/).filter((rule) => rule !== ''),
      );
  }

  actions({ user, isOn }) {
    if (!may('acl|setuser')) return '';
    return element(
      'div.row',
      {},
      button(
        'Change',
        () =>
          this.edit(
            user,
            'As in ACL SETUSER: >password, ~keys*, &channel*, +command, -@category; they are added to those above.',
          ),
        { className: 'quiet' },
      ),
      button(isOn ? 'Switch off' : 'Switch on', () => this.change('ACL', 'SETUSER', user, isOn ? 'off' : 'on'), {
        className: 'quiet',
      }),
      user !== 'default' && may('acl|deluser')
        ? button(
            'Delete',
            async () => {
              if (await confirmed(`Delete ${user}?`, ['His connections are closed.'], 'Delete'))
                await this.change('ACL', 'DELUSER', user);
            },
            { className: 'quiet' },
          )
        : null,
    );
  }

  async show() {
    const users = (await run(['ACL', 'LIST'])).map(parseUser);
    replace(
      this.body,
      table(
        ['User', 'State', 'Password', 'Rules', ''],
        users.map((each) => [
          each.user + (each.user === session.user ? ' (you)' : ''),
          each.isOn ? 'on' : 'off',
          each.needsPassword ? `${each.passwords} set` : 'needs none',
          element('code', {}, each.rules.join(' ')),
          this.actions(each),
        ]),
        'Users',
      ),
    );
  }
}

async function denials() {
  if (!may('acl|log')) return null;
  const found = await run(['ACL', 'LOG', '20']);
  return element(
    'section.card',
    {},
    element('h2', {}, 'Refused lately'),
    found.length === 0
      ? empty('Nothing was refused')
      : table(
          ['When', 'User', 'Reason', 'What', 'Times'],
          found.map((each) => [
            moment(Number(each.get('timestamp-last-updated') ?? 0)),
            printable(each.get('username')),
            each.get('reason'),
            printable(each.get('object')),
            String(each.get('count')),
          ]),
          'Refused',
        ),
  );
}

export async function show(root) {
  const list = new UserList();
  await list.show();
  replace(
    root,
    element(
      'section.card',
      {},
      element(
        'div.row',
        {},
        element('h2.grow', {}, 'Users'),
        may('acl|setuser')
          ? button('New user', () =>
              list.edit('', 'As in ACL SETUSER: on, >password, ~keys*, &channel*, +command, +@category.'),
            )
          : null,
        may('acl|save') ? button('Write to the ACL file', () => list.change('ACL', 'SAVE')) : null,
      ),
      list.said,
      list.body,
    ),
    await denials(),
  );
}
