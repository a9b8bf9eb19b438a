import { claimLate, discard, notify, pace, quarantine, receive, tidy } from './scripts/callbacks.ts'
import { PRELUDE, PROBES, SHELF, TURNS } from './scripts/prelude.ts'
import { resealField, resealText } from './scripts/reseal.ts'
import { beginTry, takeUp } from './scripts/tries.ts'
import { agree, commit, create, forget, load, totals } from './scripts/requests.ts'

/**
 * The ledger's Lua scripts. Each runs atomically on one partition: KEYS[1] is the partition's tag,
 * from which every key is built, so that all keys of a script share one slot.
 *
 * <tag>:request:<id>     hash: version, record (JSON), state, since, nonce, account, logon, kept (an attempt), results (how many), sealed
 * <tag>:callbacks:<id>   hash: callback id → '<receivedAt>|<order>|<JSON>' while pending, '' once acted on
 * <tag>:bodies:<id>      hash: callback id → sealed bytes
 * <tag>:kept:<id>        set: the ids of its quarantine entries
 * <tag>:tries:<id>       set: tries to publish its result that have begun, and not ended
 * <tag>:late:<id>        'claimed:' or 'published:', and the quarantine entry accepted as the request's late result
 * <tag>:requests, :state:<state>, :service:<service>, :reference:<hash>, :account:<hash>   zsets, by id
 * <tag>:due, :received, :ended, :aside                                   zsets, by instant; :aside has the
 *                        ended requests whose result takes down whoever publishes it
 * <tag>:waiting:<account> (zset, by id), :turn:<account> (set of request ids)
 * <tag>:refused:<log-on>   string that expires, JSON: the log-on that the bank refused last
 * <tag>:probe:<log-on> (string that expires: who tried it last), :probing:<log-on> (zset, by id: who waits for that)
 * <tag>:quarantine (zset, by instant), :quarantine:<id> (hash: entry, receivedAt, body)
 * <tag>:idempotency:<hash>, :releaser:<hash>   strings that expire: reserved keys, leases of releases
 * <tag>:pace   string that expires: the instant of the next free place in the pace of releases
 * {<prefix>:0}:partitions   how many partitions there are, ever
 * <tag>:notifications, :releasing (zsets, by instant), :epoch, :totals
 * <tag>:released   hash: a notification of :releasing → the id of the request behind which it goes on
 * {<prefix>:0}:fence   written before each WAIT for replicas
 */
export const SCRIPTS: Readonly<Record<string, string>> = {
  now: PRELUDE + 'return now()',
  agree: PRELUDE + agree,
  create: PRELUDE + create,
  load: PRELUDE + TURNS + PROBES + load,
  commit: PRELUDE + TURNS + PROBES + SHELF + commit,
  forget: PRELUDE + forget,
  totals: PRELUDE + totals,
  receive: PRELUDE + receive,
  quarantine: PRELUDE + SHELF + quarantine,
  claimLate: PRELUDE + claimLate,
  discard: PRELUDE + SHELF + discard,
  tidy: PRELUDE + SHELF + tidy,
  notify: PRELUDE + notify,
  pace: PRELUDE + pace,
  beginTry: PRELUDE + beginTry,
  takeUp: PRELUDE + takeUp,
  resealField: PRELUDE + resealField,
  resealText: PRELUDE + resealText
}
