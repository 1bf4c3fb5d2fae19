-- Recursion through Lua's C functions; at the bottom and at some levels a C function of our own is called: MODE DEPTH REPEAT LIBRARY.
local mode, depth, times, library = arg[1], tonumber(arg[2]), tonumber(arg[3]), arg[4]
local leaf = assert(package.loadlib(library, "lua_leaf"))

local function visit(level)
  if level <= 3 or level == depth or level % (depth // 4 + 1) == 0 then
    leaf()
  end
end

local modes = {}

function modes.plain(level)
  visit(level)
  if level < depth then
    modes.plain(level + 1)
  end
  return level
end

function modes.pcall(level)
  visit(level)
  if level < depth then
    assert(pcall(modes.pcall, level + 1))
  end
end

function modes.sort(level)
  visit(level)
  if level < depth then
    local deeper = true
    table.sort({1, 2}, function(a, b)
      if deeper then
        deeper = false
        modes.sort(level + 1)
      end
      return a < b
    end)
  end
end

function modes.coroutine(level)
  visit(level)
  if level < depth then
    coroutine.wrap(function()
      modes.coroutine(level + 1)
    end)()
  end
end

for _ = 1, times do
  modes[mode](1)
end
