/**
 * Every key of the ledger. All keys of a partition begin with its hash tag `<tag>`, so that they share one slot.
 * The Lua scripts build the same keys (`lua/include/keys.lua`).
 *
 * <tag>:request:<id>     hash: version, record (JSON), state, since, nonce, account, logon, kept (an attempt), results (how many), sealed
 * <tag>:callbacks:<id>   hash: callback id → '<receivedAt>|<order>|<JSON>' while pending, '' once acted on
 * <tag>:bodies:<id>      hash: callback id → encrypted bytes
 * <tag>:kept:<id>        set: the ids of its quarantine entries
 * <tag>:tries:<id>       set: tries to publish its result that have begun, and not ended
 * <tag>:late:<id>        'claimed:' or 'published:', and the quarantine entry accepted as the request's late result
 * <tag>:requests, :state:<state>, :service:<service>, :reference:<hash>, :account:<hash>   zsets, by id
 * <tag>:due, :received, :ended, :aside                                   zsets, by instant; :aside has the
 *                        ended requests whose result takes down the process that publishes it
 * <tag>:waiting:<account> (zset, by id), :turn:<account> (set of request ids)
 * <tag>:refused:<credentials>   string that expires, JSON: the bank credentials that were refused last
 * <tag>:probe:<credentials> (string that expires: the request that tried them last), :probing:<credentials> (zset,
 *                        by id: the requests that wait for it)
 * <tag>:quarantine (zset, by instant), :quarantine:<id> (hash: entry, receivedAt, body)
 * <tag>:idempotency:<hash>, :releaser:<hash>   strings that expire: reserved keys, leases of releases
 * <tag>:pace   string that expires: the instant of the next free place in the pace of releases
 * <tag>:notifications, :releasing (zsets, by instant), :epoch, :totals
 * <tag>:released   hash: a notification of :releasing → the id of the request behind which it goes on
 * {<prefix>:0}:partitions   how many partitions there are, ever
 * {<prefix>:0}:fence   written before each WAIT for replicas
 */
export type BuildKey = (name: string, id?: string) => string

/** Builds the keys of one partition. */
export function keysOf(tag: string): BuildKey {
  return (name, id) => [tag, name, ...(id === undefined ? [] : [id])].join(':')
}

/** The tag of a partition under a queue prefix, which may carry braces of its own on a Cluster. */
export function hashTag(queuePrefix: string, partition: number): string {
  return `{${queuePrefix.replaceAll(/[{}]/g, '')}:${partition}}`
}
