import { bankOf, readGroup } from '../../core/groups/group.ts'
import { fateOf, isOnEntries } from '../../core/operations/members.ts'
import type { Operation } from '../../core/operations/operation.ts'
import { credentialsOf } from '../../core/request.ts'
import type { OperatedPart } from '../../ledger/operations/carry-on.ts'
import { sum } from '../../core/sum.ts'

/** The members of a selection in one part of the ledger. */
export interface CountedPart {
  readonly part: number
  readonly at: number
  readonly banks: ReadonlyMap<string, CountedBank>
}

interface CountedBank {
  readonly requests: number
  readonly notAllowed: number
  /** The hashes of their bank credentials; null where the members were not read. */
  readonly credentials: ReadonlySet<string> | null
}

export interface CountedSelection {
  readonly parts: readonly CountedPart[]
  readonly matched: number
  /** Null where the members were not read. */
  readonly notAllowed: number | null
}

type Asked = Pick<Operation, 'action' | 'selection' | 'early'>

/** Up to so many members are read to count them. Of more their groups tell how many there are. */
const MOST_READ = 1000

/** Counts what an operation would take, now. */
export async function countSelection(
  parts: readonly OperatedPart[],
  asked: Asked
): Promise<CountedSelection> {
  if (isOnEntries(asked)) return countEntries(parts, asked)
  const counted = await Promise.all(parts.map((one) => one.selections.count(asked.selection)))
  const known = counted.map(({ groups }) => (groups === null ? NaN : sum([...groups.values()])))
  const isMany = sum(known) > MOST_READ && asked.selection.code === null
  const found = await Promise.all(
    counted.map(async ({ groups, now: at }, part) => {
      const one = parts[part]
      const byGroup = isMany && asked.selection.ids === null ? groups : null
      if (byGroup !== null) return { part, at, banks: ofGroups(byGroup) }
      return { part, at, banks: await read(one, asked, at) }
    })
  )
  const banks = found.flatMap((one) => [...one.banks.values()])
  const wasRead = banks.every(({ credentials }) => credentials !== null)
  return {
    parts: found,
    matched: sum(banks.map(({ requests }) => requests)),
    notAllowed: wasRead ? sum(banks.map(({ notAllowed }) => notAllowed)) : null
  }
}

/** Entries of the quarantine are counted as those of one bank without a name. */
async function countEntries(
  parts: readonly OperatedPart[],
  { selection }: Asked
): Promise<CountedSelection> {
  const found = await Promise.all(
    parts.map(async ({ entries, selections }, part) => {
      const { now: at } = await selections.count(selection)
      let requests = 0
      let behind: string | null = null
      do {
        const page = await entries.page(selection, at, behind)
        requests += page.entries.length
        behind = page.next
      } while (behind !== null)
      const bank = { requests, notAllowed: 0, credentials: null }
      return { part, at, banks: new Map(requests === 0 ? [] : [['', bank]]) }
    })
  )
  const banks = found.flatMap((one) => [...one.banks.values()])
  return { parts: found, matched: sum(banks.map(({ requests }) => requests)), notAllowed: 0 }
}

function ofGroups(groups: ReadonlyMap<string, number>): ReadonlyMap<string, CountedBank> {
  const banks = new Map<string, CountedBank>()
  for (const [name, count] of groups) {
    const bank = bankOf(readGroup(name).service)
    const { requests = 0 } = banks.get(bank) ?? {}
    banks.set(bank, { requests: requests + count, notAllowed: 0, credentials: null })
  }
  return banks
}

async function read(
  part: OperatedPart | undefined,
  asked: Asked,
  at: number
): Promise<ReadonlyMap<string, CountedBank>> {
  const banks = new Map<
    string,
    { requests: number; notAllowed: number; credentials: Set<string> }
  >()
  let behind: string | null = null
  do {
    if (part === undefined) break
    const page = await part.selections.page(asked.selection, null, behind)
    for (const request of page.requests) {
      const fate = fateOf({ ...asked, id: '' }, { bank: null, at }, request, part.policy)
      if (fate !== 'taken' && fate !== 'refused') continue
      const name = bankOf(request.service)
      const bank = banks.get(name) ?? { requests: 0, notAllowed: 0, credentials: new Set<string>() }
      bank.requests += 1
      if (fate === 'refused') bank.notAllowed += 1
      bank.credentials.add(credentialsOf(request))
      banks.set(name, bank)
    }
    behind = page.next
  } while (behind !== null)
  return banks
}

/** The banks of a selection, in all parts together, the largest first. */
export function byBank({ parts }: CountedSelection) {
  const names = new Set(
    parts.flatMap(({ banks }) => [...banks.keys()].filter((bank) => bank !== ''))
  )
  const shares = [...names].map((bank) => {
    const own = parts.flatMap(({ banks }) => banks.get(bank) ?? [])
    const all = own.flatMap(({ credentials }) => (credentials === null ? [] : [...credentials]))
    const wasRead = own.every(({ credentials }) => credentials !== null)
    const requests = sum(own.map((one) => one.requests))
    return { bank, requests, credentials: wasRead ? new Set(all).size : null }
  })
  return shares.toSorted((one, other) => other.requests - one.requests)
}
