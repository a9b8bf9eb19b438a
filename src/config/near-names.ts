/** What stands before the name of a variable where somebody sorts theirs by program. */
const PREFIX = /^KHIPU_(?:RECEIVER_)?/
/** What stands behind it where the value has no unit, or is in a file. */
const SUFFIX =
  /_(?:MS|S|SECS?|SECONDS|M|MINS?|MINUTES|H|HOURS|D|DAYS|B|BYTES|KB|MB|FILE|PATH|NAME|VALUE)$/
/** Variables of others that resemble ours: of proxies there are many spellings. */
const OTHERS = /_PROXY$/i

/** Which of the known names each given one may be meant for, where it is none of them and yet much like one. */
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

/** A name as it is, without what is often put around one, or with what it lacks; each with how far that leads away. */
function formsOf(name: string): readonly (readonly [form: string, away: number])[] {
  const upper = name.toUpperCase().replaceAll('-', '_')
  const short = upper.replace(PREFIX, '')
  const stripped = [short, upper.replace(SUFFIX, ''), short.replace(SUFFIX, '')]
  return [[upper, 0], ...stripped.map((form) => [form, 0.5] as const), [`${upper}_FILE`, 2]]
}

function nearestOf(name: string, known: readonly string[]): string | undefined {
  const forms = formsOf(name)
  const near = known.flatMap((one) => {
    const distance = Math.min(...forms.map(([form, away]) => away + distanceOf(form, one)))
    return distance <= mostOf(one) ? [{ one, distance }] : []
  })
  return near.toSorted((a, b) => a.distance - b.distance)[0]?.one
}

/** HOME is no mistake for ROLE. */
function mostOf({ length }: string): number {
  return length < 8 ? 1 : 2
}

/** How many letters are to be added, removed or changed to make one of the other (Levenshtein). */
function distanceOf(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [i, letter] of a.split('').entries()) {
    const next = [i + 1]
    for (const [j, other] of b.split('').entries()) {
      const changed = (row[j] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(changed, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
