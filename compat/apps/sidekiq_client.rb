# SPDX-License-Identifier: MIT
# Sends jobs to a process of Sidekiq: at once, in bulk, later, and such as fail. Prints what came of them.
require "json"
require "sidekiq/api"
require_relative "sidekiq_workers"

def value(name)
  Sidekiq.redis { |redis| redis.get(name) }
end

def wait_until
  deadline = Time.now + 20
  until yield
    abort "waited in vain: #{caller(1, 1)[0]}" if Time.now > deadline
    sleep 0.02
  end
end

never = Add.perform_in(1000, "never", 1)
scheduled = Sidekiq::ScheduledSet.new.map(&:jid) == [never]
Sidekiq::ScheduledSet.new.find_job(never).delete
Add.perform_in(1, "late", 5)
Add.perform_async("now", 1)
Sidekiq::Client.push_bulk("class" => Add, "args" => (1..100).map { |i| ["bulk", i] })
wait_until { value("now") == "1" && value("bulk") == "5050" }

WorksAtTheSecondTry.perform_async
wait_until { Sidekiq::RetrySet.new.size == 1 }
retried = Sidekiq::RetrySet.new.first.item["retry_count"]
Sidekiq::RetrySet.new.retry_all
wait_until { value("tries") == "2" }

Fails.perform_async
wait_until { Sidekiq::DeadSet.new.size == 1 }
wait_until { value("late") == "5" }
wait_until { Sidekiq::Stats.new.processed == 105 }

stats = Sidekiq::Stats.new
puts JSON.generate(scheduled: scheduled, retried: retried, dead: Sidekiq::DeadSet.new.map(&:klass),
                   processed: stats.processed, failed: stats.failed, enqueued: stats.enqueued,
                   left: Sidekiq::ScheduledSet.new.size, processes: Sidekiq::ProcessSet.new.size)
