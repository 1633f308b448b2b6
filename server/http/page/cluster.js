// SPDX-License-Identifier: MIT
// The nodes beside this one: in a cluster the ring of slots with shards, nodes and moves; else the primary and its
// replicas.
import { element, empty, failure, replace, table } from './dom.js';
import { count } from './format.js';
import { repeat } from './live.js';
import { info, run, runAll } from './server.js';
import { may, session } from './session.js';

export const name = 'cluster';
export const title = 'Cluster';
export const offered = () => may('info') && (!session.cluster || may('cluster|shards'));

const SLOTS = 16384;
const COLORS = 5;

function svg(tag, attributes, ...children) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...children);
  return made;
}

// A part of the ring, from one slot to another, clockwise from the top.
function arc(from, to) {
  const point = (slot, radius) => {
    const angle = (2 * Math.PI * slot) / SLOTS - Math.PI / 2;
    return `${(100 + radius * Math.cos(angle)).toFixed(3)} ${(100 + radius * Math.sin(angle)).toFixed(3)}`;
  };
  const end = to - from >= SLOTS ? from + SLOTS - 0.01 : to;
  const large = end - from > SLOTS / 2 ? 1 : 0;
  const outer = `M ${point(from, 90)} A 90 90 0 ${large} 1 ${point(end, 90)}`;
  return `${outer} L ${point(end, 62)} A 62 62 0 ${large} 0 ${point(from, 62)} Z`;
}

function drawRing(shards) {
  const parts = shards.flatMap((shard, i) =>
    shard.ranges.map(([first, last]) =>
      svg(
        'path',
        {
          d: arc(first, last + 1),
          class: `arc shard${(i % COLORS) + 1}`,
        },
        svg('title', {}, document.createTextNode(`${shard.name}: slots ${first} to ${last}`)),
      ),
    ),
  );
  const text = (y, words, kind) =>
    svg('text', { x: 100, y, 'text-anchor': 'middle', class: kind }, document.createTextNode(words));
  const owned = shards.reduce((sum, shard) => sum + shard.slots, 0);
  return svg(
    'svg',
    {
      viewBox: '0 0 200 200',
      class: 'slots',
      role: 'img',
      'aria-label': `${shards.length} shards own ${owned} of ${SLOTS} slots`,
    },
    ...parts,
    text(97, `${shards.length} shards`, 'large'),
    text(113, `${count(owned)} of ${count(SLOTS)} slots`, 'small'),
  );
}

// "node a1 shard s1 host 10.0.0.1 port 6379 role primary http 8080", by host and port.
function topologyNodes(text) {
  const nodes = new Map();
  for (const line of text.split('\n').filter((each) => each.startsWith('node '))) {
    const words = line.trim().split(/\s+/);
    const fields = Object.fromEntries(
      words
        .slice(2)
        .map((word, i, all) => [word, all[i + 1]])
        .filter((_, i) => i % 2 === 0),
    );
    nodes.set(`${fields.host}:${fields.port}`, { id: words[1], ...fields });
  }
  return nodes;
}

function nodeUrl(host, port) {
  const shown = host.includes(':') ? `[${host}]` : host;
  return `${location.protocol}//${shown}:${port}/`;
}

function readShards(found, known) {
  return found
    .map((shard) => {
      const numbers = shard.get('slots');
      const ranges = [];
      for (let i = 0; i < numbers.length; i += 2) ranges.push([numbers[i], numbers[i + 1]]);
      const nodes = shard.get('nodes').map((node) => {
        const fields = Object.fromEntries(node);
        const line = known.get(`${fields.ip}:${fields.port}`) ?? {};
        return {
          ...fields,
          name: line.id ?? fields.id.slice(0, 8),
          shard: line.shard,
          http: line.http ?? (location.port || null),
        };
      });
      const name = nodes[0]?.shard ?? nodes[0]?.name ?? '?';
      return { name, ranges, nodes, slots: ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0) };
    })
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

function nodeRows(shards) {
  return shards.flatMap((shard, i) => {
    const primary = shard.nodes.find((node) => node.role === 'master');
    return shard.nodes.map((node) => {
      const behind =
        primary === undefined || node === primary
          ? ''
          : count(Math.max(primary['replication-offset'] - node['replication-offset'], 0));
      const host = node.endpoint && node.endpoint !== '?' ? node.endpoint : node.ip;
      return [
        element('span', {}, element(`span.dot.shard${(i % COLORS) + 1}`, { 'aria-hidden': 'true' }), shard.name),
        node.name,
        node.role === 'master' ? 'primary' : 'replica',
        node.health,
        `${host}:${node.port}`,
        count(shard.slots),
        behind,
        node.http ? element('a', { href: nodeUrl(host, node.http) }, 'Console') : '',
      ];
    });
  });
}

function moveRows(moves) {
  return moves.map((each) => {
    const done = each.get('slots') - each.get('slots-left');
    return [
      each.get('from'),
      each.get('to'),
      element(
        'span',
        {},
        element('progress', { max: each.get('slots'), value: done }),
        ` ${count(done)} of ${count(each.get('slots'))} slots`,
      ),
      count(each.get('keys')),
      each.get('failure'),
    ];
  });
}

async function showRing(body) {
  const [found, topology, moves, state] = await runAll([
    ['CLUSTER', 'SHARDS'],
    ...['topology', 'moves', 'info'].map((word) => (may(`cluster|${word}`) ? ['CLUSTER', word] : ['PING'])),
  ]);
  if (found instanceof Error) throw found;
  const shards = readShards(found, topologyNodes(typeof topology === 'string' ? topology : ''));
  const ok = typeof state === 'string' ? /cluster_state:(\w+)/.exec(state)?.[1] : null;
  replace(
    body,
    element(
      'div.ring-and-nodes',
      {},
      drawRing(shards),
      element(
        'div.grow',
        {},
        ok === null
          ? null
          : element(
              ok === 'ok' ? 'p.good' : 'p.failure',
              {},
              ok === 'ok' ? 'All slots are served.' : 'Not all slots are served.',
            ),
        table(['Shard', 'Node', 'Role', 'Health', 'Address', 'Slots', 'Bytes behind', ''], nodeRows(shards), 'Nodes'),
      ),
    ),
    element('h3', {}, 'Slots that move'),
    Array.isArray(moves) && moves.length > 0
      ? table(['From', 'To', 'Progress', 'Keys sent', 'Failure'], moveRows(moves), 'Moves')
      : empty('No slots move now'),
  );
}

async function showShard(body) {
  const fields = await info('replication');
  const replicas = Object.entries(fields)
    .filter(([field]) => /^slave\d+$/.test(field))
    .map(([, text]) => {
      const each = Object.fromEntries(text.split(',').map((part) => part.split('=')));
      return [
        `${each.ip}:${each.port}`,
        each.state,
        count(Math.max(fields.master_repl_offset - each.offset, 0)),
        `${each.lag} s`,
      ];
    });
  const isReplica = fields.role === 'slave';
  const lease =
    fields.coordinator_lease_ms === undefined
      ? 'no coordinator: roles are changed by hand, or by Sentinel'
      : `lease ${count(fields.coordinator_lease_ms / 1000)} s, ${fields.coordinator_in_sync} in sync, ` +
        (fields.coordinator_fenced === '1' ? 'fenced' : 'not fenced');
  replace(
    body,
    element(
      'p',
      {},
      isReplica
        ? `This is a replica of ${fields.master_host}:${fields.master_port}; the link is ${fields.master_link_status}.`
        : 'This is the primary.',
    ),
    element('p.fine', {}, `Epoch ${fields.repl_epoch ?? '?'}; ${lease}.`),
    replicas.length > 0
      ? table(['Replica', 'State', 'Bytes behind', 'Last heard'], replicas, 'Replicas')
      : isReplica
        ? null
        : empty('No replicas', 'Start another server with --replicaof "HOST PORT".'),
  );
}

export async function show(root, signal) {
  const ring = element('div', {});
  const shard = element('div', {});
  replace(
    root,
    session.cluster
      ? element('section.card', { 'aria-label': 'Cluster' }, element('h2', {}, 'The ring'), ring)
      : null,
    element(
      'section.card',
      { 'aria-label': 'Replication' },
      element('h2', {}, session.cluster ? 'This node’s shard' : 'Replication'),
      shard,
    ),
  );
  const say = (place) => (error) => replace(place, failure(error));
  const all = () =>
    Promise.all([session.cluster ? showRing(ring).catch(say(ring)) : null, showShard(shard).catch(say(shard))]);
  repeat(3, signal, all);
}
