# SPDX-License-Identifier: MIT
# redis-store and redis-rb: objects with an expiry in a namespace, pipelines, transactions, scans, subscriptions.
require 'json'
require 'redis'
require 'redis-store'

port = ARGV[0].to_i
store = Redis::Store.new(host: '127.0.0.1', port: port, namespace: 'app')
store.set('user', { 'name' => 'Ada', 'tags' => %w[a b] }, expires_in: 60)
store.setnx('user', 'other')
redis = Redis.new(host: '127.0.0.1', port: port)
found = { object: store.get('user'), ttl: redis.ttl('app:user').between?(1, 60), keys: redis.keys('app:*') }
found[:pipelined] = redis.pipelined { |p| p.set('n', 1); p.incrby('n', 41); p.get('n') }
found[:multi] = redis.multi { |t| t.lpush('list', %w[a b c]); t.lrange('list', 0, -1) }
redis.mapped_mset('k:1' => 'one', 'k:2' => 'two')
found[:scanned] = redis.scan_each(match: 'k:*').to_a.sort
messages = []
listener = Thread.new do
  Redis.new(host: '127.0.0.1', port: port).subscribe('news') do |on|
    on.message { |_, message| messages << message; Thread.current.exit if messages.size == 2 }
  end
end
sleep 0.01 until redis.pubsub(:numsub, 'news')[1].to_i == 1
2.times { |i| redis.publish('news', "message #{i}") }
listener.join(10)
found[:messages] = messages
puts found.to_json
