-- id, the name of a try, callback id, the lane, the most tries, the most bytes of a small body → { how it went, the
-- encrypted body or nothing }: see include/tries.lua.
--- @include "tries"

local how, body = beginTry(unpack(ARGV))
return { how, body or false }
