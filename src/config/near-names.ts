import leven from 'leven'

/** A prefix that users add to group the variables of each program. */
const PREFIX = /^KHIPU_(?:RECEIVER_)?/
/** A suffix that users add to name the unit of a value, or to say that the value is in a file. */
const SUFFIX =
  /_(?:MS|S|SECS?|SECONDS|M|MINS?|MINUTES|H|HOURS|D|DAYS|B|BYTES|KB|MB|FILE|PATH|NAME|VALUE)$/
/** Variables of other programs that resemble a setting. Proxies have many spellings. */
const OTHERS = /_PROXY$/i

/** Finds given names that are unknown but similar to a known name, each with the nearest known name. */
export function nearNames(
  given: readonly string[],
  known: readonly string[]
): readonly (readonly [given: string, meant: string])[] {
  const strange = given.filter((name) => !known.includes(name) && !OTHERS.test(name))
  return strange.flatMap((name) => {
    const meant = nearestOf(name, known)
    return meant === undefined ? [] : [[name, meant] as const]
  })
}

/** The variants of a name: in upper case, without prefix or suffix, with `_FILE`. Each has its distance to the name. */
function formsOf(name: string): readonly (readonly [form: string, away: number])[] {
  const upper = name.toUpperCase().replaceAll('-', '_')
  const short = upper.replace(PREFIX, '')
  const stripped = [short, upper.replace(SUFFIX, ''), short.replace(SUFFIX, '')]
  return [[upper, 0], ...stripped.map((form) => [form, 0.5] as const), [`${upper}_FILE`, 2]]
}

function nearestOf(name: string, known: readonly string[]): string | undefined {
  const forms = formsOf(name)
  const near = known.flatMap((one) => {
    const most = mostOf(one)
    const distances = forms.map(
      ([form, away]) => away + leven(form, one, { maxDistance: most + 1 })
    )
    const distance = Math.min(...distances)
    return distance <= most ? [{ one, distance }] : []
  })
  return near.toSorted((a, b) => a.distance - b.distance)[0]?.one
}

/**
 * The largest Levenshtein distance that still counts as a mistake. For short names it is 1, because HOME does not mean
 * ROLE.
 */
function mostOf({ length }: string): number {
  return length < 8 ? 1 : 2
}
