-- SPDX-License-Identifier: MIT
-- For wrk: GET of one of 10,000 keys, and the percentiles that wrk itself doesn't print.
local paths = {}

function init(arguments)
  pause = tonumber(arguments[1] or 0)  -- milliseconds between a response and the client's next request
  if pause > 0 then
    delay = function() return math.random(0, 2 * pause) end
  end
  for i = 0, 9999 do paths[i] = wrk.format("GET", "/keys/key:" .. i) end
end

function request()
  return paths[math.random(0, 9999)]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("requests %d microseconds %d failed %d\n", summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
  for _, p in pairs({ 50, 75, 90, 95, 99, 99.9, 99.99, 100 }) do
    io.write(string.format("percentile %g %d\n", p, p == 100 and latency.max or latency:percentile(p)))
  end
end
