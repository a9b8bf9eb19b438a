import { startRedis } from '../simulator/private-redis.ts'
import { measure, type Receiver, startOurs, startPlain } from './intake.ts'

/**
 * `npm run bench`: how fast callbacks are taken in, side by side with a plain receiver on the same
 * Redis (`appendfsync always`) in the same run. Rounds are interleaved; the ratio of the medians is
 * what counts, for machines differ and drift.
 */
const ROUNDS = 7
const PER_ROUND = 1000
const CONNECTIONS = [1, 20]

type Receivers = readonly [Receiver, Receiver]

export async function compareRates(): Promise<void> {
  const redis = await startRedis({ url: null })
  const count = (ROUNDS + 1) * PER_ROUND * CONNECTIONS.length
  console.log(`preparing ${count} requests`)
  const receivers: Receivers = [
    await startOurs(redis.url, [21300, 21301], count),
    await startPlain(redis.url, 21302, count)
  ]
  for (const [index, connections] of CONNECTIONS.entries()) {
    report(connections, await compare(receivers, connections, index * (ROUNDS + 1) * PER_ROUND))
  }
  await Promise.all(receivers.map((receiver) => receiver.stop()))
  await redis.stop()
}

/** The rates of each receiver over interleaved rounds; the first round warms up and does not count. */
async function compare(
  receivers: Receivers,
  connections: number,
  first: number
): Promise<readonly number[][]> {
  const rates: number[][] = receivers.map(() => [])
  for (let round = 0; round <= ROUNDS; round += 1) {
    const from = first + round * PER_ROUND
    const measured = []
    for (const receiver of receivers) {
      measured.push(await measure(receiver, from, from + PER_ROUND, connections))
    }
    if (round > 0) measured.forEach((rate, index) => rates[index]?.push(rate))
  }
  return rates
}

function report(connections: number, rates: readonly number[][]): void {
  const [ours = 0, plain = 0] = rates.map(median)
  const words = `${connections} in flight: ours ${ours.toFixed(0)}/s, plain ${plain.toFixed(0)}/s`
  console.log(`${words}, ratio ${(ours / plain).toFixed(2)} (medians of ${ROUNDS} rounds)`)
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
