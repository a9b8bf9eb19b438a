import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { Lane, NotHere } from '../core/result-head.ts'
import type { Connection } from '../redis/connect.ts'
import type { LoadReply } from './load.ts'
import type { OperationScripts } from './operations/operation-scripts.ts'

/** The outcome of storing an envelope. `full`: too many different ones for one request. */
export type Received = 'accepted' | 'late' | 'duplicate' | 'full' | 'unknown'

/** Whether the request gets its late result from an entry of the quarantine. */
export type LateClaim = 'claimed' | 'published' | 'taken'

/** How a try to publish a result begins: see `lua/include/tries.lua`. */
type Begun = 'begun' | NotHere

type Done = 0 | 1
type Bytes = Uint8Array
export type Argument = string | number | Bytes
type Script = (tag: string, ...args: readonly Argument[]) => Promise<unknown>

/**
 * The ledger's Lua scripts, one function each. A script runs atomically on the keys of one hash tag. Its file in `lua/`
 * documents it. Instants are ms since 1970 by Redis's clock.
 */
export type Scripts = RequestScripts & OperationScripts

interface RequestScripts {
  now(): Promise<number>
  agreeOnCount(configured: number): Promise<number>
  create(id: string, ...request: readonly Argument[]): Promise<Done>
  load(id: string, serializesAccounts: Done, wantsInput: Done): Promise<LoadReply | null>
  commit(
    ...change: readonly Argument[]
  ): Promise<
    | [done: 0, body: null]
    | [done: 1, now: number, records: string[], how: Begun | '', body: Buffer | null]
  >
  mergePage(
    direction: 'up' | 'down',
    from: string,
    newest: string,
    oldest: string,
    limit: number,
    ...indexes: readonly string[]
  ): Promise<[total: number, next: string, ...records: string[]]>
  findReferences(
    lowest: Bytes,
    highest: Bytes,
    behind: string,
    most: number,
    limit: number
  ): Promise<[isCut: Done, ...ids: string[]]>
  duePage(
    from: number,
    behind: string,
    latest: number | string,
    limit: number,
    ...states: readonly string[]
  ): Promise<string[]>
  countDue(from: number, ms: number, steps: number, ...states: readonly string[]): Promise<number[]>
  passedDeadlines(most: number, passed: number): Promise<[next: number, ...records: string[]]>
  forget(id: string, group: string, names: string): Promise<Done>
  reindex(
    id: string,
    version: string,
    state: string,
    group: string,
    names: string
  ): Promise<-1 | Done>
  countGroups(): Promise<[isComplete: Done, groups: string[]]>
  sizeGroups(
    oldest: string,
    newest: string
  ): Promise<[isComplete: Done, now: number, ...groups: string[]]>
  ahead(id: string): Promise<string | null>
  totals(...states: string[]): Promise<[totals: string[], counts: number[], setAside: number]>
  receive(
    most: number,
    mostBytes: number,
    ...callbacks: readonly Argument[]
  ): Promise<(Received | Error)[]>
  quarantine(id: string, requestId: string, ...entry: readonly Argument[]): Promise<-1 | Done>
  claimLate(id: string, requestId: string): Promise<LateClaim>
  discard(id: string): Promise<Done>
  tidy(mostEntries: number, mostBytes: number, oldest: number): Promise<number>
  notify(notification: string): Promise<number>
  beginTry(
    id: string,
    name: string,
    callbackId: string,
    lane: Lane,
    most: number,
    mostBytes: number
  ): Promise<[how: Begun, body: Buffer | null]>
  takeUp(id: string): Promise<Done>
  replaceField(name: string, field: string, before: Bytes, after: Bytes): Promise<Done>
  replaceText(name: string, before: string, after: string): Promise<Done>
}

const FOLDER = new URL('src/ledger/lua/', import.meta.resolve('#package.json'))

/** The texts of the scripts by function name: `claim-late.lua` is `claimLate`. */
export const SOURCES: Readonly<Record<string, string>> = Object.fromEntries(
  readdirSync(FOLDER, { encoding: 'utf8', recursive: true })
    .filter((file) => file.endsWith('.lua') && !file.startsWith('include'))
    .map((file) => [functionName(file), readScript(file)])
)

/** These reply with bytes, as their last element. */
const WITH_BYTES: ReadonlySet<string> = new Set(['load', 'commit', 'beginTry'])

/** Defines the scripts on a connection, for one hash tag. */
export function openScripts(redis: Connection, tag: string, keepsEvents: boolean): Scripts {
  const scripts = Object.entries(SOURCES).map(([name, source]) => {
    const lua = `local keepsEvents = ${keepsEvents}\n${source}`
    const command = `khipuLedger${name.charAt(0).toUpperCase()}${name.slice(1)}`
    redis.defineCommand(command, { numberOfKeys: 1, lua })
    const hasBytes = WITH_BYTES.has(name)
    const run = Reflect.get(redis, hasBytes ? `${command}Buffer` : command) as Script
    const send = (...args: readonly Argument[]) => run.call(redis, tag, ...args.map(asBuffer))
    const sendForBytes: typeof send = async (...args) => exceptLast(await send(...args))
    return [name, hasBytes ? sendForBytes : send] as const
  })
  return Object.fromEntries(scripts) as unknown as Scripts
}

/** A file in which `include/name.lua` replaces the first `--- @include "name"`. Repeated includes are removed. */
function readScript(file: string, included = new Set<string>()): string {
  const text = readFileSync(new URL(file, FOLDER), 'utf8')
  return text.replaceAll(/^--- @include "([\w-]+)"\n/gm, (_line, name: string) => {
    if (included.has(name)) return ''
    included.add(name)
    return readScript(`include/${name}.lua`, included)
  })
}

/** All but the last element as text. */
function exceptLast(reply: unknown): unknown {
  if (!Array.isArray(reply)) return reply
  const elements: readonly unknown[] = reply
  return [...elements.slice(0, -1).map(asText), elements.at(-1)]
}

function asText(reply: unknown): unknown {
  if (Array.isArray(reply)) return reply.map(asText)
  return Buffer.isBuffer(reply) ? reply.toString() : reply
}

function functionName(file: string): string {
  return basename(file, '.lua').replaceAll(/-(\w)/g, (_dash, letter: string) =>
    letter.toUpperCase()
  )
}

/** The Redis client writes bytes that are no Buffer as a list of numbers. Bytes from a thread are no Buffer. */
function asBuffer(value: Argument): Argument {
  if (!(value instanceof Uint8Array)) return value
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}
