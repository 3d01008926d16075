-- Takes permits of one limiter by the generic cell rate algorithm (ATM Forum, Traffic Management 4.0).
--
-- KEYS[1]  its state: the time at which all of the burst is there again, "microseconds.part". A part is one of so many
--          as there are permits in a period: so that all times are whole numbers of parts, and nothing is rounded.
-- ARGV     permits, period in microseconds, burst; how many at least, how many at most; how far away the time may be,
--          and how far it may be for anybody: both in microseconds.
--
-- Gives how many, after how many microseconds, and how many are left; or 0, and how long until they would be granted.
local permits, period, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local at_least, at_most = tonumber(ARGV[4]), tonumber(ARGV[5])
local max_wait, longest_wait = tonumber(ARGV[6]), tonumber(ARGV[7])

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local full = burst * period

-- How many parts the state is ahead of the clock.
local ahead = 0
local state = redis.call('GET', KEYS[1])
if state then
    local micros, part = string.match(state, '^(%d+)%.(%d+)$')
    if not micros then
        return redis.error_reply('BACKSTAY the key holds something that is no limiter')
    end
    micros, part = tonumber(micros), tonumber(part)
    if micros >= now then
        ahead = (micros - now) * permits + math.min(part, permits - 1)
    end
    -- Nobody was ever granted that: the quota was another, or the clock was set back. By up to a second it is owed still:
    -- a clock that is corrected, or a new primary's, is not to grant it all twice. Beyond that it begins anew.
    if ahead > full + (longest_wait + 1000000) * permits then
        ahead = 0
    end
end

local granted, wait = 0, 0
local there = math.max(0, math.floor((full - ahead) / period))
if there >= at_least then
    granted = math.min(there, at_most)
else
    wait = math.max(0, math.ceil((ahead + at_least * period - full) / permits))
    if wait > max_wait then
        return {0, wait - max_wait, there}
    end
    granted = at_least
end

ahead = ahead + granted * period
local micros = math.floor(ahead / permits)
local state = string.format('%.0f.%.0f', now + micros, ahead - micros * permits)
redis.call('SET', KEYS[1], state, 'PX', math.floor(micros / 1000) + 1)
return {granted, wait, math.max(0, math.floor((full - ahead) / period))}
