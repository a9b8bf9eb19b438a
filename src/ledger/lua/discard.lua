-- id → 1 where there was such an entry.
--- @include "quarantine"

return drop(ARGV[1])
