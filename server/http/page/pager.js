// SPDX-License-Identifier: MIT
// A table that is loaded page by page, for values of millions of elements.
import { button, element, empty, failure, replace } from './dom.js';

// `load(cursor)` resolves to { rows, next }: rows are lists of cells, `next` is the next cursor, null at the end. The
// first cursor is null.
export async function paged(root, columns, load) {
  const body = element('tbody', {});
  const foot = element('div.row', {});
  replace(
    root,
    element(
      'div.scroll',
      {},
      element(
        'table',
        {},
        element(
          'thead',
          {},
          element(
            'tr',
            {},
            columns.map((column) => element('th', { scope: 'col' }, column)),
          ),
        ),
        body,
      ),
    ),
    foot,
  );
  const more = async (cursor) => {
    try {
      const { rows, next } = await load(cursor);
      for (const row of rows) {
        body.append(
          element(
            'tr',
            {},
            row.map((cell, i) =>
              element('td', { 'data-label': columns[i] }, cell instanceof Node ? cell : String(cell ?? '')),
            ),
          ),
        );
      }
      if (body.children.length === 0 && next === null) replace(root, empty('Nothing here'));
      replace(foot, next === null ? null : button('Show more', () => more(next)));
    } catch (error) {
      replace(
        foot,
        failure(error, () => more(cursor)),
      );
    }
  };
  await more(null);
}
