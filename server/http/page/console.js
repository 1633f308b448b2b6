// SPDX-License-Identifier: MIT
// The frame: who is logged in, the tabs that he may use, and the view that the address names (#keys/...).
import { button, element, empty, failure, replace } from './dom.js';
import { forgetLogin, hasLogin, ServerError } from './server.js';
import { loadSession, session } from './session.js';
import { showLogin } from './login.js';
import { themeButton } from './theme.js';
import * as overview from './overview.js';
import * as keys from './keys.js';
import * as commandLine from './command_line.js';
import * as activity from './activity.js';
import * as listen from './listen.js';
import * as cluster from './cluster.js';
import * as users from './users.js';
import * as about from './about.js';

const views = [overview, keys, commandLine, activity, listen, cluster, users, about];
const root = document.getElementById('view');
const tabs = document.getElementById('tabs');
const corner = document.getElementById('corner');
const banner = document.getElementById('banner');
let leave = null; // ends what the view has begun

const offered = () => views.filter((view) => view.offered());

function showFrame() {
  replace(
    tabs,
    offered().map((view) => element('a', { href: '#' + view.name }, view.title)),
  );
  const who = session.user === '' ? null : element('span.who', { title: 'logged in as' }, session.user);
  replace(
    corner,
    who,
    hasLogin() || session.user === 'default'
      ? button(hasLogin() ? 'Log out' : 'Log in', () => {
          forgetLogin();
          login();
        })
      : null,
    themeButton(),
  );
  banner.hidden = !session.readonly;
  banner.textContent = 'Read only: this console changes nothing (http-console readonly).';
}

// A person may have typed a % that stands for itself.
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function showView() {
  leave?.abort();
  leave = new AbortController();
  const [name, ...rest] = decoded(location.hash.slice(1)).split('/');
  const all = offered();
  const view = all.find((each) => each.name === name) ?? all[0];
  for (const tab of tabs.children) {
    const isHere = tab.getAttribute('href') === '#' + view?.name;
    isHere ? tab.setAttribute('aria-current', 'page') : tab.removeAttribute('aria-current');
  }
  if (view === undefined) {
    replace(root, empty('Nothing to show', 'This user may run none of the commands that the console needs.'));
    return;
  }
  document.title = `${view.title} · RingKV`;
  // A place of its own: a view that was left while it waited for an answer fills none that is seen.
  const place = element('div', {}, element('p.loading', { role: 'status' }, 'Loading…'));
  replace(root, place);
  const mine = leave;
  Promise.resolve(view.show(place, mine.signal, rest.join('/'))).catch((error) => {
    if (mine.signal.aborted) return;
    if (error instanceof ServerError && error.status === 401) login(error.message);
    else replace(root, failure(error, showView));
  });
}

function login(text) {
  leave?.abort();
  replace(tabs);
  replace(corner, themeButton());
  banner.hidden = true;
  showLogin(root, start, text);
}

async function start() {
  try {
    await loadSession();
  } catch (error) {
    if (error.status === 401) {
      const had = hasLogin();
      forgetLogin();
      login(had ? 'This name and password are not known, or not any more.' : undefined);
    } else {
      replace(root, failure(error, start));
    }
    return;
  }
  showFrame();
  showView();
}

// A link of earlier versions: /?prefix=user:
const asked = new URLSearchParams(location.search).get('prefix');
if (asked !== null && location.hash === '') location.hash = 'keys/' + encodeURIComponent(asked);

// One key goes to each tab, as long as nothing is typed into.
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input, textarea, select, dialog'))
    return;
  const number = Number(event.key);
  if (number >= 1 && number <= tabs.children.length) tabs.children[number - 1].click();
});
window.addEventListener('hashchange', showView);
start();
