// SPDX-License-Identifier: MIT
// Light, dark, or as the system says.
import { button } from './dom.js';

const kept = 'ringkv.theme';
const names = { system: 'Theme: system', light: 'Theme: light', dark: 'Theme: dark' };
const order = Object.keys(names);

let chosen = order.includes(localStorage.getItem(kept)) ? localStorage.getItem(kept) : 'system';

function apply() {
  if (chosen === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  document.dispatchEvent(new Event('themechange'));
}

export function themeButton() {
  const shown = button(names[chosen], () => {
    chosen = order[(order.indexOf(chosen) + 1) % order.length];
    localStorage.setItem(kept, chosen);
    shown.textContent = names[chosen];
    apply();
  });
  shown.classList.add('quiet');
  return shown;
}

// The value of a custom property of the style sheet, as it is now.
export const color = (name) =>
  getComputedStyle(document.documentElement)
    .getPropertyValue('--' + name)
    .trim();

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', apply);
apply();
