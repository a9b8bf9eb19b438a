import { setTimeout as pause } from 'node:timers/promises'

/** How many partitions a process is set to, and what the ledger says of that. */
export interface Agreeing {
  readonly partitions: number
  /** Tells how many the ledger has; rejects while Redis is away. */
  agreeOnPartitions(): Promise<number>
}

const AGAIN_AFTER_MS = 50

/** Resolves where the ledger has as many partitions as this process is set to; throws where it has others. */
export async function agree({ partitions, agreeOnPartitions }: Agreeing): Promise<void> {
  const stored = await agreeOnPartitions()
  if (stored !== partitions) throw new PartitionsDiffer(partitions, stored)
}

/** The same, for as long as it takes until Redis answers. */
export async function agreeInTime(agreeing: Agreeing): Promise<void> {
  for (;;) {
    const differ = await agree(agreeing).then(
      () => null,
      (error: unknown) => error
    )
    if (differ === null) return
    if (differ instanceof PartitionsDiffer) throw differ
    await pause(AGAIN_AFTER_MS, undefined, { ref: false })
  }
}

/** Another number would look for every request where it is not. */
export class PartitionsDiffer extends Error {
  override readonly name = 'PartitionsDiffer'
  constructor(configured: number, stored: number) {
    super(
      `PARTITIONS is ${configured}, but the ledger under this QUEUE_PREFIX has ${stored}: set PARTITIONS=${stored}. For another number begin a new ledger, under another QUEUE_PREFIX, once all requests of this one have ended`
    )
  }
}
