type Done = 0 | 1
type Argument = string | number

/** The ledger's Lua scripts for operations: see `Scripts`. */
export interface OperationScripts {
  pace(count: number, spacingMs: number, aheadMs: number): Promise<[first: string, count: number]>
  createOperation(id: string, record: string, ...times: readonly Argument[]): Promise<Done>
  changeOperation(
    id: string,
    version: string,
    record: string,
    ...more: readonly Argument[]
  ): Promise<Done>
  claimOperation(
    leaseMs: number,
    id: string
  ): Promise<[id: string, version: string, record: string, now: number] | null>
  settleItems(
    id: string,
    ...outcomes: readonly Argument[]
  ): Promise<[open: number, delivered: number, failed: number, parkedAgain: number]>
  adoptRelease(member: string, lease: string, ...operation: readonly Argument[]): Promise<Done>
}
