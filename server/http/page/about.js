// SPDX-License-Identifier: MIT
// The paths of the HTTP port, and whose work is in here.
import { element, replace, table } from './dom.js';
import { session } from './session.js';

export const name = 'http';
export const title = 'HTTP';
export const offered = () => true;

export function show(root) {
  replace(
    root,
    element(
      'section.card',
      {},
      element('h2', {}, 'Paths of this port'),
      table(
        ['Method', 'Path', 'What it does'],
        session.endpoints.map(([method, path, summary]) => [method, element('code', {}, path), summary]),
        'Paths',
      ),
    ),
    element(
      'p.fine',
      {},
      `RingKV ${session.version}. Charts by Chart.js, `,
      element('a', { href: 'page/licenses.txt' }, 'MIT license'),
      '.',
    ),
  );
}
