// SPDX-License-Identifier: MIT
// Numbers, times and bytes for people.
const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

export function bytes(number) {
  let unit = 0;
  let shown = Number(number);
  while (Math.abs(shown) >= 1024 && unit + 1 < units.length) {
    shown /= 1024;
    ++unit;
  }
  return `${unit === 0 ? shown : shown.toFixed(shown < 10 ? 2 : shown < 100 ? 1 : 0)} ${units[unit]}`;
}

export function count(number) {
  const shown = Number(number);
  return Number.isInteger(shown)
    ? shown.toLocaleString('en')
    : shown.toLocaleString('en', { maximumFractionDigits: 1 });
}

export function short(number) {
  return Number(number).toLocaleString('en', { notation: 'compact', maximumFractionDigits: 1 });
}

export function percent(part) {
  return `${(100 * part).toFixed(1)} %`;
}

export function duration(seconds) {
  const total = Math.floor(Number(seconds));
  const parts = [
    [86400, 'd'],
    [3600, 'h'],
    [60, 'min'],
    [1, 's'],
  ];
  const shown = [];
  let rest = total;
  for (const [length, name] of parts) {
    const number = Math.floor(rest / length);
    rest -= number * length;
    if (number > 0 || (name === 's' && shown.length === 0)) shown.push(`${number} ${name}`);
  }
  return shown.slice(0, 2).join(' ');
}

export function microseconds(number) {
  if (number >= 1e6) return `${(number / 1e6).toFixed(2)} s`;
  if (number >= 1e3) return `${(number / 1e3).toFixed(number < 1e4 ? 2 : 1)} ms`;
  return `${number < 10 ? number.toFixed(2) : Math.round(number)} µs`;
}

export function clock(ms) {
  return new Date(ms).toLocaleTimeString('en-GB');
}

export function moment(ms) {
  return new Date(ms).toLocaleString('en-GB');
}
