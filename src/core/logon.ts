import { latestAttempt, type Request } from './request.ts'

/**
 * What a change of a request says of its log-on: `refused`, where the bank has just refused it; `trusted`,
 * where a result came, or somebody let go a request that was parked for it; null where nothing is said.
 */
export function verdictOnLogon(before: Request, after: Request): 'refused' | 'trusted' | null {
  if (hasRefusedLogon(after) && !hasRefusedLogon(before)) return 'refused'
  if (after.state === 'delivered' && before.state !== 'delivered') return 'trusted'
  const released = before.parked?.cause === 'credentials' && after.state === 'retry-scheduled'
  return released ? 'trusted' : null
}

function hasRefusedLogon(request: Request): boolean {
  return latestAttempt(request)?.refusedLogon !== undefined
}
