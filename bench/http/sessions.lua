-- Requests with the Cookie headers of a file, one line each, in turn or at random.
local requests = {}
local at = 0
local random = false

function init(args)
  random = args[2] == 'random'
  math.randomseed(7)
  for line in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format('GET', nil, { ['Cookie'] = line, ['Host'] = wrk.headers['Host'] })
  end
end

function request()
  if random then return requests[math.random(#requests)] end
  at = at % #requests + 1
  return requests[at]
end
