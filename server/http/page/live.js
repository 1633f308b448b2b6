// SPDX-License-Identifier: MIT
// Work that goes on only while somebody looks: not in a tab that is hidden, not in a view that was left.
import { events, ServerError } from './server.js';

const pause = (ms) =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

export async function untilVisible(signal) {
  while (document.hidden && !signal.aborted) {
    await new Promise((resolve) => {
      document.addEventListener('visibilitychange', resolve, { once: true });
      signal.addEventListener('abort', resolve, { once: true });
    });
  }
}

// Runs `work` each so many seconds.
export async function repeat(seconds, signal, work) {
  while (!signal.aborted) {
    await untilVisible(signal);
    if (signal.aborted) return;
    await work();
    await pause(seconds * 1000);
  }
}

// Takes events until the view is left, and connects again when the server was away. `state` is told "live" or what is
// wrong.
export async function follow(query, signal, take, state) {
  for (let wait = 1000; !signal.aborted; wait = Math.min(2 * wait, 15000)) {
    await untilVisible(signal);
    const mine = new AbortController();
    const stop = () => mine.abort();
    const hide = () => {
      if (document.hidden) mine.abort();
    };
    signal.addEventListener('abort', stop);
    document.addEventListener('visibilitychange', hide);
    try {
      await events(query, mine.signal, (name, data) => {
        wait = 1000;
        state('live');
        take(name, data);
      });
    } catch (error) {
      if (error instanceof ServerError && error.status >= 400 && error.status < 500) throw error;
      if (!mine.signal.aborted) state(error.message);
    } finally {
      signal.removeEventListener('abort', stop);
      document.removeEventListener('visibilitychange', hide);
    }
    if (!signal.aborted && !document.hidden) await pause(wait);
  }
}
