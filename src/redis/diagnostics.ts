/** What is known of a Redis beside its INFO, and what is wanted of it. */
export interface RedisRequirements {
  /** Null where it is not told. */
  readonly appendfsync: string | null
  readonly ackReplicas: number
  /** Whether we speak to it as to a Cluster. */
  readonly isCluster: boolean
}

const NOTHING: RedisRequirements = { appendfsync: null, ackReplicas: 0, isCluster: false }

/** The oldest that BullMQ's scripts run on. */
const OLDEST = '6.2.0'

/** Reads INFO: what keeps this Redis from doing what is promised. What it does not tell is no concern, but that it tells nothing. */
export function redisWarnings(info: string, wanted: RedisRequirements = NOTHING): string[] {
  if (info === '') return ['it refuses INFO, without which no worker works: allow it']
  return [...unusable(info, wanted), ...unsafe(info, wanted)]
}

function unusable(info: string, { ackReplicas, isCluster }: RedisRequirements): string[] {
  const version = readInfo(info, 'redis_version') ?? OLDEST
  const isOld = version.localeCompare(OLDEST, 'en', { numeric: true }) < 0
  const isReplica = readInfo(info, 'role') === 'slave'
  // Where it has all slots it takes requests, and refuses to take results: their keys lie in several.
  const isNode = !isCluster && readInfo(info, 'cluster_enabled') === '1'
  const replicas = Number(readInfo(info, 'connected_slaves') ?? ackReplicas)
  const most = Number(readInfo(info, 'maxclients') ?? Infinity)
  const isCrowded = Number(readInfo(info, 'connected_clients') ?? 0) >= most
  return [
    ...(isOld
      ? [`it is Redis ${version}, with which no worker works: take ${OLDEST} or newer`]
      : []),
    ...(isReplica ? ['it is a replica, which takes no writes: name the master'] : []),
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

/** One field of INFO. */
export function readInfo(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1]
}
