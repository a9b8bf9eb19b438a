-- id → 1 if the entry existed.
--- @include "quarantine"

return drop(ARGV[1])
