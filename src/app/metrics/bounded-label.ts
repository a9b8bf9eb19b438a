/** What is counted for values beyond the bound of a label. */
export const OTHER = 'other'

/** The most banks that a metric names. */
export const MOST_BANKS = 50
/** The most of Khipu's codes that a metric names. */
export const MOST_CODES = 100

/** Bounds a label: the first so many values that come keep their name, any later one is `other`. */
export function boundedLabel(most: number): (value: string) => string {
  const known = new Set<string>()
  return (value) => {
    if (known.has(value)) return value
    if (known.size >= most) return OTHER
    known.add(value)
    return value
  }
}

/** The same for values that are all there at once. Every process that has the same values bounds them alike. */
export function boundedTogether(most: number, values: Iterable<string>): (value: string) => string {
  const named = new Set([...new Set(values)].toSorted().slice(0, most))
  return (value) => (named.has(value) ? value : OTHER)
}
