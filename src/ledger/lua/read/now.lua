-- → the instant, in ms since 1970.
--- @include "keys"

return now()
