import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'
import { acceptRequest } from '../../src/core/new-request.ts'
import { ENDED, groupOf } from '../../src/core/groups/group.ts'
import type { Reason, Request, State } from '../../src/core/request.ts'
import { hashTag } from '../../src/ledger/keys.ts'

/** Writes requests that are alike, with their indexes. Their ids are spread evenly over a time. */
const WRITE = `
local tag, template, group, state, due = KEYS[1], ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local first, count, from, spread, nth = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
for index = first, first + count - 1 do
  local ms = string.format('%012x', math.floor(from + spread * (index * 7919 % 1000003) / 1000003))
  local id = string.sub(ms, 1, 8) .. '-' .. string.sub(ms, 9) .. string.format('-7%03x-8000-%012x', nth % 4096, index)
  local reference = 'run-' .. (index % 1000) .. '-' .. index
  local record = string.gsub(template, 'PLACE%-OF%-ID', id)
  record = string.gsub(record, 'PLACE%-OF%-REFERENCE', reference)
  redis.call('HSET', tag .. ':request:' .. id, 'version', 3, 'record', record, 'state', state, 'account', '', 'logon', '')
  redis.call('ZADD', tag .. ':requests', 0, id)
  redis.call('ZADD', tag .. ':references', 0, reference .. '\\0' .. id)
  redis.call('ZADD', tag .. ':group:' .. group, 0, id)
  if due > 0 then
    redis.call('ZADD', tag .. ':due', due + index % 86400000, id)
    redis.call('ZADD', tag .. ':due:' .. state, due + index % 86400000, id)
  else redis.call('ZADD', tag .. ':ended', ms and tonumber(ms, 16), id) end
end
redis.call('HINCRBY', tag .. ':groups', group, count)
redis.call('HINCRBY', tag .. ':totals', 'accepted', count)
if due == 0 then redis.call('HINCRBY', tag .. ':totals', state, count) end
redis.call('HSET', tag .. ':indexing', 'done', 1)
return count`

/** A kind of request, and how many of a thousand are of it. */
interface Kind {
  readonly state: State
  readonly reasons: readonly (Reason | null)[]
  readonly hasCode: boolean
  readonly share: number
}

const KINDS: readonly Kind[] = [
  { state: 'queued', reasons: [null], hasCode: false, share: 10 },
  { state: 'sending', reasons: [null], hasCode: false, share: 1 },
  { state: 'awaiting-callback', reasons: [null], hasCode: false, share: 79 },
  {
    state: 'retry-scheduled',
    reasons: ['retry-immediately', 'wait-4-hours', 'temporary'],
    hasCode: true,
    share: 40
  },
  {
    state: 'parked',
    reasons: ['retry-after-notification', 'credentials', 'unauthorized', 'unknown-type'],
    hasCode: true,
    share: 100
  },
  { state: 'delivered', reasons: [null], hasCode: false, share: 600 },
  {
    state: 'failed',
    reasons: ['do-not-retry', 'retries-exhausted', 'parked-too-long', 'no-callback'],
    hasCode: true,
    share: 150
  },
  { state: 'cancelled', reasons: ['cancelled'], hasCode: false, share: 20 }
]
const CODES = ['E101', 'E201', 'E202', 'E301', 'E401', 'I001']
const BANKS = ['bancochile', 'santander', 'bci', 'btgpactual', 'itau', 'scotiabank']
export const SERVICES = BANKS.flatMap((bank) =>
  ['personal', 'business'].map((kind) => `cl/banking/${kind}/${bank}.cl/transactions`)
)

const DAY_MS = 86_400_000
const AT_ONCE = 1000

interface Alike {
  readonly request: Request
  readonly count: number
}

/** Writes about so many requests of every kind, asked for within a month, and what would have been counted meanwhile. */
export async function fillByScript(client: Redis, requests: number): Promise<number> {
  const tag = hashTag('khipu', 0)
  const now = Date.now()
  let written = 0
  const all = alikes(requests, now)
  for (const [nth, { request, count }] of all.entries()) {
    const { state, dueAt } = request
    const template = JSON.stringify(request)
    for (let first = 0; first < count; first += AT_ONCE) {
      const some = Math.min(AT_ONCE, count - first)
      const month = [now - 30 * DAY_MS, 30 * DAY_MS] as const
      await client.eval(
        WRITE,
        ...([1, tag, template, groupOf(request), state] as const),
        ...([dueAt ?? 0, written + first, some, ...month, nth] as const)
      )
    }
    written += count
  }
  const groups = all.map(({ request }) => groupOf(request))
  await fillFlow(client, tag, groups, now)
  return written
}

function alikes(requests: number, now: number): readonly Alike[] {
  return KINDS.flatMap(({ state, reasons, hasCode, share }) => {
    const codes = hasCode ? CODES : [null]
    const kinds = reasons.flatMap((reason) =>
      codes.flatMap((code) => SERVICES.map((service) => ({ reason, code, service })))
    )
    const count = Math.ceil((requests * share) / 1000 / kinds.length)
    return kinds.map((kind) => ({ request: requestOf(state, kind, now), count }))
  })
}

function requestOf(state: State, kind: Pick<Request, 'reason' | 'code' | 'service'>, now: number) {
  const asked = {
    requestId: 'PLACE-OF-ID',
    reference: 'PLACE-OF-REFERENCE',
    account: null,
    authorization: null
  }
  const request = acceptRequest({ ...asked, ...kind }, 'bench', now)
  const isEnded = ENDED.has(state)
  const ended = { endedAt: isEnded ? now : null, publishedAt: isEnded ? now : null }
  const parked = state === 'parked' ? { at: now, cause: 'credentials' as const } : null
  return { ...request, ...kind, ...ended, state, parked, dueAt: isEnded ? null : now + DAY_MS }
}

/** Three hours of minutes and eight days of hours, with entries of many groups in each. */
async function fillFlow(client: Redis, tag: string, groups: readonly string[], now: number) {
  const units = [
    ['m', 60_000, 180, 60],
    ['h', 3_600_000, 192, 240]
  ] as const
  for (const [unit, ms, count, size] of units) {
    const latest = Math.floor(now / ms)
    for (let back = 0; back < count; back++) {
      const fields = Array.from({ length: size }, (_, at) => [
        groups[(at * 37 + back * 11) % groups.length] ?? '',
        at + 1
      ])
      await client.hset(`${tag}:flow:${unit}${latest - back}`, ...fields.flat())
    }
  }
}

/** Khipu's id of an operation of some request, as the ledger would have it. */
export async function addOperation(client: Redis, requestId: string): Promise<string> {
  const operationId = 'operation-of-the-bench'
  const bucket = createHash('sha256').update(operationId).digest('hex').slice(0, 4)
  await client.hset(`${hashTag('khipu', 0)}:operations:${bucket}`, operationId, requestId)
  return operationId
}
