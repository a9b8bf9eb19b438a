/**
 * Every key of the ledger. All keys of a partition begin with its hash tag `<tag>`, so they share one slot.
 * The Lua scripts build the same keys (`lua/include/keys.lua`).
 *
 * Of one request or account:
 * - `<tag>:request:<id>`: hash. Its fields are version, record (JSON), state, since and nonce.
 *   Further fields are account, logon, kept (an attempt), results (their number) and sealed.
 * - `<tag>:callbacks:<id>`: hash, callback id → `<receivedAt>|<order>|<JSON>` while pending, an empty value once applied.
 * - `<tag>:bodies:<id>`: hash, callback id → encrypted bytes.
 * - `<tag>:kept:<id>`: set, the ids of its quarantine entries.
 * - `<tag>:tries:<id>`: set, tries to publish its result that have begun and not ended.
 * - `<tag>:late:<id>`: string, `claimed:` or `published:`, and the entry accepted as the request's late result.
 * - `<tag>:waiting:<account>`: zset of request ids.
 * - `<tag>:turn:<account>`: set of request ids.
 * - `<tag>:refused:<credentials>`: string that expires, JSON: the latest rejection of these bank credentials.
 * - `<tag>:probe:<credentials>`: string that expires: the request that tried them last.
 * - `<tag>:probing:<credentials>`: zset of request ids, which wait for the probe.
 *
 * Indexes:
 * - `<tag>:requests`, `:account:<hash>`: zsets, by id.
 * - `<tag>:group:<state>|<reason>|<code>|<service>`: zset, by id; `<tag>:groups`: hash, group → its number of requests.
 *   `<tag>:indexing`: hash, whether all of a ledger of an older version is indexed.
 * - `<tag>:references`: zset of `<reference>` NUL `<id>`, in that order.
 * - `<tag>:operations:<bucket>`: hash, Khipu's id of an operation → request id.
 * - `<tag>:due:<state>`: zset by instant, of the live requests alone.
 * - `<tag>:state:<state>`, `:service:<service>`, `:reference:<hash>`: zsets by id of older versions. What they have is not
 *   indexed yet.
 * - `<tag>:due`, `:received`, `:ended`: zsets, by instant.
 * - `<tag>:aside`: zset, by instant. It has the ended requests whose result ends the process that publishes it.
 *
 * What happened:
 * - `<tag>:flow:m<minute>`, `:flow:h<hour>`: hashes that expire, group → how many entered it.
 * - `<tag>:events`: stream of some 10,000 changes; `<tag>:audit`: stream, who changed or saw what, in partition 0.
 *
 * Others:
 * - `<tag>:quarantine`: zset, by instant.
 * - `<tag>:quarantine:<id>`: hash of entry, receivedAt and body.
 * - `<tag>:idempotency:<hash>`: string that expires: a reserved key.
 * - `<tag>:bulk:<operation>`: hash that expires, of version and record (JSON).
 * - `<tag>:bulk:<operation>:items`: zset that expires, the requests it has changed, by outcome: 0 where that is unknown.
 * - `<tag>:bulks`: zset of operations, by id; `<tag>:operating`: those that have not ended, by when to carry them on.
 * - `<tag>:pace`: string that expires: the instant of the next free place in the pace of releases.
 * - `<tag>:notifications`: zset, by instant.
 * - `<tag>:epoch`, `:totals`: the number of notifications (string), and the totals (hash).
 * - `<tag>:releasing`: recorded notifications that have no operation yet, by instant. `:released`, `:releaser:<hash>`:
 *   how far version 0.1 is with them, its leases.
 * - `{<prefix>:0}:partitions`: the number of partitions, which never changes.
 * - `{<prefix>:0}:fence`: written before each WAIT for replicas.
 *
 * BullMQ's keys of the service's own queues begin with `<tag>:send`, `:paced`, `:callback` and `:deadline`; those of the
 * result queue with `<prefix>:<RESULT_QUEUE>`, without a tag.
 */
export type BuildKey = (name: string, id?: string) => string

/** Builds the keys of one partition. */
export function keysOf(tag: string): BuildKey {
  return (name, id) => [tag, name, ...(id === undefined ? [] : [id])].join(':')
}

/** The hash tag of a partition under a queue prefix. On a Cluster the prefix may contain braces. */
export function hashTag(queuePrefix: string, partition: number): string {
  return `{${queuePrefix.replaceAll(/[{}]/g, '')}:${partition}}`
}
