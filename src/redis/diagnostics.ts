/** Facts about a Redis that its INFO lacks, and what the service requires of it. */
export interface RedisRequirements {
  /** Null where it is not known. */
  readonly appendfsync: string | null
  readonly ackReplicas: number
  /** Whether the service connects to it as to a Cluster. */
  readonly isCluster: boolean
}

const NOTHING: RedisRequirements = { appendfsync: null, ackReplicas: 0, isCluster: false }

/** The oldest version of Redis that runs BullMQ's scripts. */
const OLDEST = '6.2.0'

/**
 * Reads INFO and returns warnings: why this Redis is unusable or can lose data. A field that INFO lacks causes no
 * warning. An empty INFO does.
 */
export function redisWarnings(info: string, wanted: RedisRequirements = NOTHING): string[] {
  if (info === '') return ['it refuses INFO, without which no worker works: allow it']
  return [...unusable(info, wanted), ...unsafe(info, wanted)]
}

function unusable(info: string, { ackReplicas, isCluster }: RedisRequirements): string[] {
  const version = readInfo(info, 'redis_version') ?? OLDEST
  const isOld = version.localeCompare(OLDEST, 'en', { numeric: true }) < 0
  const isReplica = readInfo(info, 'role') === 'slave'
  // A node with all slots would accept requests. It would refuse to store results, because their keys are in several
  // slots.
  const isNode = !isCluster && readInfo(info, 'cluster_enabled') === '1'
  const replicas = Number(readInfo(info, 'connected_slaves') ?? ackReplicas)
  const most = Number(readInfo(info, 'maxclients') ?? Infinity)
  const isCrowded = Number(readInfo(info, 'connected_clients') ?? 0) >= most
  return [
    ...(isOld
      ? [`it is Redis ${version}, with which no worker works: take ${OLDEST} or newer`]
      : []),
    ...(isReplica ? ['it is a replica, which takes no writes: name the primary'] : []),
    ...(isNode ? ['it is a node of a Cluster: name it in REDIS_CLUSTER'] : []),
    ...(replicas < ackReplicas
      ? [`it has ${replicas} replicas, and nothing is acknowledged without ${ackReplicas}`]
      : []),
    ...(isCrowded ? [`it has ${most} clients and takes no more: raise maxclients`] : [])
  ]
}

function unsafe(info: string, { appendfsync }: RedisRequirements): string[] {
  const evicts = (readInfo(info, 'maxmemory_policy') ?? 'noeviction') !== 'noeviction'
  const forgets = readInfo(info, 'aof_enabled') === '0'
  const syncsLate = !forgets && appendfsync !== null && appendfsync !== 'always'
  return [
    ...(evicts ? ['it evicts keys: set maxmemory-policy to noeviction'] : []),
    ...(forgets ? ['it has no append-only file: set appendonly to yes'] : []),
    ...(syncsLate ? [`it appends with appendfsync ${appendfsync}: set it to always`] : [])
  ]
}

/** Reads one field of INFO. */
export function readInfo(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1]
}
