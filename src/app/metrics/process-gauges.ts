import type { Spool } from '../../spool/spool.ts'
import type { MetricKinds } from './metric-kinds.ts'

/** The version of the service. */
export function buildInfo({ own }: MetricKinds, version: string): void {
  const help = 'Always 1; its label tells the version of the service'
  own('khipu_build_info', help, ['version']).set({ version }, 1)
}

/** How full Redis is. Returns what reads the value. */
export function roomGauge({ stock }: MetricKinds, filled: () => number): () => void {
  const help = 'How much of its maxmemory Redis uses, 0 to 1; intake and sending stop above 0.75'
  const gauge = stock('khipu_redis_filled_ratio', help)
  return () => gauge.set(filled())
}

/** When the service's own authorization expires. Without an expiry there is no such metric. */
export function expiryGauge({ stock }: MetricKinds, expiresAt: number | null): void {
  if (expiresAt === null) return
  const help = "When the service's own authorization for Khipu expires, in seconds since 1970"
  stock('khipu_authorization_expires_seconds', help).set(expiresAt / 1000)
}

/** The callbacks on the disk of this process. Returns what reads the values. */
export function spoolGauges({ own }: MetricKinds, { usage }: Pick<Spool, 'usage'>): () => void {
  const count = own('khipu_spool_entries', 'Callbacks that wait on disk until Redis can store them')
  const size = own('khipu_spool_bytes', 'How large they are in all, sealed')
  const oldest = own(
    'khipu_spool_oldest_seconds',
    'For how long the oldest of them has waited; 0 where none does, +Inf where the disk cannot be read'
  )
  return () => {
    const { entries, bytes, waitedMs } = usage()
    count.set(entries)
    size.set(bytes)
    oldest.set((waitedMs ?? Infinity) / 1000)
  }
}
