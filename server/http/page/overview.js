// SPDX-License-Identifier: MIT
// The state of this server: what it is, what needs attention, and charts of the last hour, live.
import { element, empty, replace, table } from './dom.js';
import { TimeChart } from './charts.js';
import { bytes, count, duration, microseconds, percent, short } from './format.js';
import { follow, repeat } from './live.js';
import { getJson, info, runAll } from './server.js';
import { may, session } from './session.js';
import { warningsOf } from './warnings.js';

export const name = 'overview';
export const title = 'Overview';
export const offered = () => may('info');

const value = (key) => (sample) => sample.values[key];
const hitRate = (sample) => {
  const asked = sample.values.hits + sample.values.misses;
  return asked === 0 ? null : sample.values.hits / asked;
};

function makeCharts(latencyOf) {
  const latency = (i) => (sample) => sample.latency[latencyOf()]?.[i] ?? null;
  return [
    new TimeChart(
      'Throughput',
      'commands per second',
      [
        { label: 'commands', read: value('commands'), color: 'c1', fill: true },
        { label: 'errors', read: value('errors'), color: 'c4' },
      ],
      short,
    ),
    new TimeChart(
      'Latency',
      'execution time in the server',
      [
        { label: 'p50', read: latency(1), color: 'c1' },
        { label: 'p99', read: latency(2), color: 'c2' },
        { label: 'p99.9', read: latency(3), color: 'c4' },
      ],
      microseconds,
    ),
    new TimeChart(
      'Memory',
      'used is what maxmemory counts; resident is what the system sees',
      [
        { label: 'used', read: value('memory'), color: 'c1', fill: true },
        { label: 'peak', read: value('memory_peak'), color: 'c2' },
        { label: 'resident', read: value('memory_rss'), color: 'c3' },
      ],
      bytes,
    ),
    new TimeChart(
      'Memory by kind',
      'data, tables of keys, buffers',
      [
        { label: 'data', read: value('memory_data'), color: 'c1' },
        { label: 'tables', read: value('memory_tables'), color: 'c2' },
        { label: 'clients', read: value('memory_clients'), color: 'c3' },
        { label: 'replication', read: value('memory_replication'), color: 'c4' },
        { label: 'log', read: value('memory_log'), color: 'c5' },
      ],
      bytes,
    ),
    new TimeChart(
      'Hit rate',
      'of reads that found their key',
      [{ label: 'hits', read: hitRate, color: 'c3', fill: true }],
      percent,
    ),
    new TimeChart(
      'Expired and evicted',
      'keys per second',
      [
        { label: 'expired', read: value('expired'), color: 'c1' },
        { label: 'evicted', read: value('evicted'), color: 'c4' },
      ],
      short,
    ),
    new TimeChart(
      'Clients',
      'connections',
      [
        { label: 'connected', read: value('clients'), color: 'c1', fill: true },
        { label: 'blocked', read: value('blocked'), color: 'c2' },
      ],
      short,
    ),
    new TimeChart(
      'Network',
      'bytes per second',
      [
        { label: 'in', read: value('bytes_in'), color: 'c1' },
        { label: 'out', read: value('bytes_out'), color: 'c2' },
      ],
      bytes,
    ),
    new TimeChart(
      'Keys',
      'of all databases',
      [{ label: 'keys', read: value('keys'), color: 'c1', fill: true }],
      short,
    ),
    new TimeChart(
      'Replication',
      'changes that the furthest replica lacks, and milliseconds that a replica is behind',
      [
        { label: 'changes behind', read: value('lag_groups'), color: 'c1' },
        { label: 'ms behind', read: value('lag_ms'), color: 'c4' },
      ],
      short,
    ),
    new TimeChart(
      'Log and snapshot',
      'bytes of the log',
      [{ label: 'log', read: value('log_bytes'), color: 'c1', fill: true }],
      bytes,
    ),
    new TimeChart(
      'Processor',
      'of one core',
      [
        { label: 'user', read: value('cpu_user'), color: 'c1' },
        { label: 'system', read: value('cpu_system'), color: 'c2' },
      ],
      percent,
    ),
  ];
}

const roleNames = { master: 'primary', slave: 'replica' };

function snapshotState(fields) {
  const unsaved = `${count(fields.rdb_changes_since_last_save ?? 0)} changes since`;
  if (fields.rdb_bgsave_in_progress === '1') return ['being written', unsaved];
  if (fields.rdb_last_bgsave_status === 'err') return ['failed', unsaved];
  return [
    fields.rdb_saves === '0' ? 'none yet' : new Date(1000 * fields.rdb_last_save_time).toLocaleTimeString('en-GB'),
    unsaved,
  ];
}

function logState(fields) {
  if (fields.aof_enabled !== '1') return 'off';
  return `${bytes(fields.aof_current_size ?? 0)}, ${fields.aof_last_write_status === 'ok' ? 'written' : 'failing'}`;
}

function facts(fields) {
  const replication =
    fields.role === 'slave'
      ? `of ${fields.master_host}:${fields.master_port}, link ${fields.master_link_status}`
      : `${fields.connected_slaves} replicas`;
  return [
    ['Role', `${roleNames[fields.role] ?? fields.role}`, replication],
    ['Version', session.version, `as Redis ${fields.redis_version}`],
    ['Uptime', duration(fields.uptime_in_seconds), `port ${fields.tcp_port}`],
    ['Commands', `${count(fields.instantaneous_ops_per_sec)}/s`, `${short(fields.total_commands_processed)} so far`],
    [
      'Memory',
      bytes(fields.used_memory),
      Number(fields.maxmemory) > 0 ? `of ${bytes(fields.maxmemory)}` : `peak ${bytes(fields.used_memory_peak)}`,
    ],
    ['Fragmentation', fields.mem_fragmentation_ratio, `${bytes(fields.used_memory_rss)} resident`],
    ['Clients', count(fields.connected_clients), `of ${count(fields.maxclients)}`],
    ['Log', logState(fields), 'appendonly'],
    ['Snapshot', ...snapshotState(fields)],
  ];
}

class Tiles {
  constructor() {
    this.element = element('dl.tiles', { 'aria-label': 'This server' });
  }

  // Texts change in their places, so that nothing jumps.
  show(fields) {
    facts(fields).forEach(([label, text, more], i) => {
      if (this.element.children.length <= i) {
        this.element.append(element('div', {}, element('dt', {}, label), element('dd', {}), element('small', {})));
      }
      const [, shown, small] = this.element.children[i].children;
      shown.textContent = text;
      small.textContent = more;
    });
  }
}

function warningList(warnings) {
  if (warnings.length === 0) return element('p.good', {}, 'Nothing needs attention.');
  const words = { bad: 'Fault', warn: 'Warning', note: 'Note' };
  return element(
    'ul.warnings',
    {},
    warnings.map(([level, what, todo]) =>
      element(`li.${level}`, {}, element('span.level', {}, words[level]), element('strong', {}, what), ' ', todo),
    ),
  );
}

function databases(fields) {
  const rows = Object.entries(fields)
    .filter(([field]) => /^db\d+$/.test(field))
    .map(([field, text]) => {
      const numbers = Object.fromEntries(text.split(',').map((part) => part.split('=')));
      return [field.slice(2), count(numbers.keys), count(numbers.expires)];
    });
  return rows.length === 0
    ? empty('No keys yet', 'SET greeting hello, in the tab Command line, makes one.')
    : table(['Database', 'Keys', 'That expire'], rows, 'Databases');
}

async function options() {
  if (!may('config|get')) return { save: null, needsNoPassword: false };
  const [found] = await runAll([['CONFIG', 'GET', 'save']]);
  return {
    save: found instanceof Map ? found.get('save') : null,
    needsNoPassword: session.user === 'default' && !session.needs_password,
  };
}

export async function show(root, signal) {
  const [history, fields, known] = await Promise.all([getJson('console/history'), info(), options()]);
  if (signal.aborted) return;
  const tiles = new Tiles();
  const warnings = element('div', { 'aria-live': 'polite' });
  const keys = element('div');
  const state = element('span.state', { role: 'status' });
  const names = element('select', { 'aria-label': 'Command whose latency is shown' }, element('option', {}, 'all'));
  const charts = makeCharts(() => names.value);
  charts[1].element.querySelector('.latest').after(names);
  names.addEventListener('change', () => charts[1].update());
  const addNames = (sample) => {
    for (const each of Object.keys(sample.latency)) {
      if (![...names.options].some((option) => option.value === each)) names.append(element('option', {}, each));
    }
  };
  const tell = (now) => {
    tiles.show(now);
    const text = JSON.stringify(warningsOf(now, known));
    if (warnings.dataset.text !== text) replace(warnings, warningList(warningsOf(now, known)));
    warnings.dataset.text = text;
    replace(keys, databases(now));
  };
  replace(
    root,
    element('section', {}, element('h2', {}, 'This server ', state), tiles.element, warnings),
    element(
      'section.charts',
      { 'aria-label': 'The last hour' },
      charts.map((chart) => chart.element),
    ),
    element('section.card', {}, element('h2', {}, 'Databases'), keys),
  );
  tell(fields);
  history.samples.forEach(addNames);
  charts.forEach((chart) => chart.draw(history.samples));
  const repaint = () => charts.forEach((chart) => chart.paint());
  document.addEventListener('themechange', repaint);
  signal.addEventListener('abort', () => {
    document.removeEventListener('themechange', repaint);
    charts.forEach((chart) => chart.destroy());
  });
  const said = (text) => {
    state.textContent = text === 'live' ? '● live' : text;
  };
  follow(
    'samples',
    signal,
    (event, sample) => {
      if (event !== 'sample') return;
      addNames(sample);
      charts.forEach((chart) => chart.add(sample));
    },
    said,
  ).catch((error) => said(error.message));
  repeat(3, signal, () => info().then(tell, (error) => said(error.message)));
}
