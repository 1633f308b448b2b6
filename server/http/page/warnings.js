// SPDX-License-Identifier: MIT
// What needs attention, in words, with what to do. Each rule looks at the fields of INFO and the options.
import { bytes, count, percent } from './format.js';

const number = (fields, name) => Number(fields[name] ?? 0);

const rules = [
  (f) =>
    f.loading === '1' && [
      'bad',
      'The server loads its data.',
      `${f.loading_loaded_perc ?? '0'} % are loaded. Commands on keys are refused until it is done.`,
    ],
  (f) =>
    f.aof_last_write_status === 'err' && [
      'bad',
      'The log can’t be written.',
      `${f.log_failure ?? ''} Writes are refused until it can. Look at the disk: is it full, or broken?`,
    ],
  (f) =>
    f.rdb_last_bgsave_status === 'err' && [
      'bad',
      'The last snapshot failed.',
      `${f.snapshot_failure ?? ''} Look at the disk and its free space, then run BGSAVE.`,
    ],
  (f) =>
    f.aof_last_bgrewrite_status === 'err' && [
      'warn',
      'The last rewrite of the log failed.',
      'The log grows until one succeeds. Look at the free space of the disk, then run BGREWRITEAOF.',
    ],
  (f) =>
    f.role === 'slave' &&
    f.master_link_status === 'down' && [
      'bad',
      'The link to the primary is down.',
      `${f.master_host}:${f.master_port} was last heard ${f.master_link_down_since_seconds ?? '?'} s ago. Reads are as ` +
        'old as that. Is the primary alive, is the network, do masteruser and masterauth fit?',
    ],
  (f) =>
    number(f, 'slave_lag_ms') > 10_000 && [
      'warn',
      'This replica is behind.',
      `By ${count(number(f, 'slave_lag_ms') / 1000)} s. Its processor, its disk or the network can’t keep up.`,
    ],
  (f) =>
    f.cluster_state === 'fail' && [
      'bad',
      'The cluster does not serve all slots.',
      'A shard has no primary that answers. See the tab Cluster, or CLUSTER INFO.',
    ],
  (f) =>
    number(f, 'maxmemory') > 0 &&
    number(f, 'used_memory') > 0.9 * number(f, 'maxmemory') && [
      'warn',
      'The memory is nearly full.',
      `${percent(number(f, 'used_memory') / number(f, 'maxmemory'))} of maxmemory ` +
        `(${bytes(f.maxmemory)}). ` +
        (f.maxmemory_policy === 'noeviction'
          ? 'Beyond it writes are refused: raise maxmemory, or set a maxmemory-policy that evicts.'
          : 'Beyond it keys are evicted: raise maxmemory if they are missed.'),
    ],
  (f) =>
    number(f, 'mem_fragmentation_ratio') > 1.5 &&
    number(f, 'mem_fragmentation_bytes') > 100e6 && [
      'warn',
      'The process takes much more memory than the data.',
      `${bytes(f.mem_fragmentation_bytes)} more (ratio ${f.mem_fragmentation_ratio}). ` +
        'MEMORY PURGE gives back what is free.',
    ],
  (f) =>
    number(f, 'rejected_connections') > 0 && [
      'warn',
      'Connections were refused.',
      `${count(f.rejected_connections)} since the start: there were maxclients (${f.maxclients}) already, or their ` +
        'address is not allowed. Raise maxclients, or look for clients that don’t close.',
    ],
  (f) =>
    number(f, 'client_output_buffer_limit_disconnections') > 0 && [
      'warn',
      'Clients that did not read were closed.',
      `${count(f.client_output_buffer_limit_disconnections)} since the start, by client-output-buffer-limit.`,
    ],
  (f) => f.draining === '1' && ['warn', 'The server drains.', 'Load balancers send no new clients; it ends soon.'],
  (f) =>
    f.migrate_link_status === 'down' && ['warn', 'The link to the Redis server is down.', f.migrate_last_error ?? ''],
  (f) =>
    f.coordinator_fenced === '1' && [
      'bad',
      'This primary is fenced.',
      'It could not renew its lease, so it takes no writes. Is etcd reachable?',
    ],
  (f, o) =>
    f.aof_enabled === '0' &&
    o.save === '' &&
    f.role === 'master' &&
    number(f, 'connected_slaves') === 0 && [
      'note',
      'Nothing is written to the disk.',
      'The data is gone when the server ends. To keep it: appendonly yes, or save 60 1000. For a cache that is fine.',
    ],
  (f, o) =>
    o.needsNoPassword && [
      'note',
      'No password is set.',
      'Whoever reaches the ports may do everything. Set requirepass, or users: docs/security.md.',
    ],
];

// [[level, title, what to do], ...]: bad, warn, note. `options`: save, needsNoPassword.
export function warningsOf(fields, options) {
  return rules.map((rule) => rule(fields, options)).filter(Boolean);
}
