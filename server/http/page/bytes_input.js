// SPDX-License-Identifier: MIT
// Bytes in a text field: text as it is, and with \xNN whatever is none. A backslash is \\ there.
import { toBytes } from './server.js';

const escaped = (letter) => (letter === '\\' ? '\\\\' : '\\x' + letter.charCodeAt(0).toString(16).padStart(2, '0'));

// A field would lose what it can't hold, as a carriage return; one of a single line can't hold the end of a line.
export function shownBytes(value, hasLines = false) {
  if (!(value instanceof Uint8Array))
    return value.replace(hasLines ? /[\\\x00-\x09\x0b-\x1f\x7f]/g : /[\\\x00-\x1f\x7f]/g, escaped);
  return Array.from(value, (byte) =>
    byte === 0x5c
      ? '\\\\'
      : byte > 31 && byte < 127
        ? String.fromCharCode(byte)
        : '\\x' + byte.toString(16).padStart(2, '0'),
  ).join('');
}

export function readBytes(text) {
  if (!text.includes('\\')) return text;
  const parts = [];
  const encoder = new TextEncoder();
  for (let i = 0; i < text.length;) {
    const hex = /^\\x([0-9a-fA-F]{2})/.exec(text.slice(i, i + 4));
    if (hex !== null) {
      parts.push(parseInt(hex[1], 16));
      i += 4;
    } else if (text.startsWith('\\\\', i)) {
      parts.push(0x5c);
      i += 2;
    } else {
      const letter = String.fromCodePoint(text.codePointAt(i));
      parts.push(...encoder.encode(letter));
      i += letter.length;
    }
  }
  const bytes = Uint8Array.from(parts);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return bytes;
  }
}

// Rows of sixteen: "00000010  68 65 6c ...  hel".
export function hexDump(value, most = 65536) {
  const bytes = toBytes(value).subarray(0, most);
  const rows = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const part = Array.from(bytes.subarray(at, at + 16));
    const hex = part.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = part.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : '.')).join('');
    rows.push(`${at.toString(16).padStart(8, '0')}  ${hex.padEnd(47)}  ${text}`);
  }
  return rows.join('\n');
}
