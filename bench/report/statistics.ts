/** The middle of some values; of an even number of them the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const [low = 0, high = 0] = [
    sorted[Math.floor((sorted.length - 1) / 2)],
    sorted[Math.ceil((sorted.length - 1) / 2)]
  ]
  return (low + high) / 2
}

export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? 0
}

/** The ratio of each round, so that a drift of the machine does not count. */
export function ratios(ours: readonly number[], others: readonly number[]): number[] {
  return ours.map((value, round) => value / (others[round] ?? NaN))
}

/** As many digits as say something. */
export function plain(value: number): string {
  if (!Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  const maximumFractionDigits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3
  return value.toLocaleString('en', { maximumFractionDigits })
}

/** The median, with the least and the most in parentheses. */
export function withSpread(values: readonly number[]): string {
  if (values.length === 0) return '–'
  if (values.length === 1) return plain(values[0] ?? 0)
  return `${plain(median(values))} (${plain(Math.min(...values))}–${plain(Math.max(...values))})`
}
