'use strict';
// Searches for keys and shows them with the beginning of their values.
const form = document.getElementById('search');
const found = document.getElementById('found');
const outcome = document.getElementById('outcome');
const more = document.getElementById('more');
let query = null;
let shown = 0;

function textOf(entry) {
  if (entry === null) return '(another type)';
  const text = typeof entry === 'string' ? entry : 'base64 ' + entry.base64;
  return text.length > 200 ? text.slice(0, 200) + '…' : text;
}

async function fetchPage(cursor) {
  query.set('cursor', cursor);
  const response = await fetch('/search?' + query);
  const page = await response.json();
  if (!response.ok) {
    outcome.textContent = page.error;
    return;
  }
  page.keys.forEach((key, i) => {
    const row = found.tBodies[0].insertRow();
    row.insertCell().textContent = textOf(key);
    row.insertCell().textContent = textOf(page.values[i]);
  });
  shown += page.keys.length;
  found.hidden = shown === 0;
  more.hidden = page.cursor === 0;
  more.onclick = () => fetchPage(page.cursor);
  outcome.textContent = shown + (page.cursor === 0 ? ' keys' : ' keys so far');
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  found.tBodies[0].replaceChildren();
  shown = 0;
  query = new URLSearchParams({ prefix: form.prefix.value, suffix: form.suffix.value, limit: 50, values: 1 });
  fetchPage(0).catch((error) => { outcome.textContent = error.message; });
});

// A link may say what to search for: /?prefix=user:
const asked = new URLSearchParams(location.search);
if (asked.has('prefix') || asked.has('suffix')) {
  form.prefix.value = asked.get('prefix') ?? '';
  form.suffix.value = asked.get('suffix') ?? '';
  form.requestSubmit();
}
