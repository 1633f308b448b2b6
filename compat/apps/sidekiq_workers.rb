# SPDX-License-Identifier: MIT
# Workers of Sidekiq; the process `sidekiq` and its client load this file. REDIS_URL says where Redis is.
require "sidekiq"

Sidekiq.options[:poll_interval_average] = 0.5

class Add
  include Sidekiq::Worker

  def perform(name, number)
    Sidekiq.redis { |redis| redis.incrby(name, number) }
  end
end

class WorksAtTheSecondTry
  include Sidekiq::Worker
  sidekiq_options retry: 5

  def perform
    tries = Sidekiq.redis { |redis| redis.incr("tries") }
    raise "on purpose" if tries < 2
  end
end

class Fails
  include Sidekiq::Worker
  sidekiq_options retry: 0

  def perform
    raise "on purpose"
  end
end
