// SPDX-License-Identifier: MIT
// A line of the command line as words, with the quotes of redis-cli: 'as it is', "\x00\n".
const escapes = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' };

// Bytes that are no text become a Uint8Array.
function word(codes) {
  const bytes = Uint8Array.from(codes);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return bytes;
  }
}

// Throws an Error that says what is wrong.
export function splitWords(line) {
  const words = [];
  let codes = null;
  let quote = null;
  const encoder = new TextEncoder();
  const letters = Array.from(line);
  for (let i = 0; i < letters.length; ++i) {
    const letter = letters[i];
    if (quote === '"' && letter === '\\' && i + 1 < letters.length) {
      const hex = letters.slice(i + 2, i + 4).join('');
      if (letters[i + 1] === 'x' && /^[0-9a-fA-F]{2}$/.test(hex)) {
        codes.push(parseInt(hex, 16));
        i += 3;
      } else {
        codes.push(...encoder.encode(escapes[letters[i + 1]] ?? letters[i + 1]));
        ++i;
      }
    } else if (quote === "'" && letter === '\\' && letters[i + 1] === "'") {
      codes.push(39);
      ++i;
    } else if (quote !== null) {
      if (letter !== quote) codes.push(...encoder.encode(letter));
      else if (letters[i + 1] !== undefined && letters[i + 1] !== ' ')
        throw new Error('Behind a closing quote comes a blank.');
      else quote = null;
    } else if (letter === ' ') {
      if (codes !== null) words.push(word(codes));
      codes = null;
    } else {
      codes ??= [];
      if (letter === '"' || letter === "'") quote = letter;
      else codes.push(...encoder.encode(letter));
    }
  }
  if (quote !== null) throw new Error(`A quote (${quote}) is open.`);
  if (codes !== null) words.push(word(codes));
  return words;
}
