-- SPDX-License-Identifier: Apache-2.0
-- For wrk: products like one that is drawn by chance. wrk -s http-similar.lua URL -- PRODUCTS [QUERY]
-- Prints "RESULT requests microseconds median-us p99-us faults" behind what wrk prints.
local number = 0
function setup(thread)
    thread:set("seed", number)
    number = number + 1
end

function init(arguments)
    math.randomseed(os.time() * 100 + seed)
    products, query = tonumber(arguments[1]), arguments[2] or ""
end

function request()
    return wrk.format("GET", string.format("/v1/products/product-%07d/similar?k=5%s", math.random(0, products - 1), query))
end

function done(summary, latency)
    local e = summary.errors
    print(string.format("RESULT %d %d %d %d %d", summary.requests, summary.duration, latency:percentile(50),
        latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
