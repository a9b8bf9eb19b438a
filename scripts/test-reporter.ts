import { inspect } from 'node:util'
import { Parser, type Result } from 'tap-parser'

interface Output {
  write(text: string): unknown
}

// What tap says of every file that fails, and what the stack says better.
const noise = new Set(['args', 'at', 'command', 'cwd', 'externalID', 'jobId', 'stdio', 'tapCaught'])

/** Turns the TAP of one tier into a line for each file, with its failures in full below it. */
export class Reporter {
  /** Takes the TAP. */
  readonly input = new Parser()
  /** Asserts, of all files. A file that crashes, is cut off or asserts nothing counts as one that failed. */
  passed = 0
  failed = 0
  /** What did not run, and why. A todo is one of them. */
  readonly skipped: string[] = []
  /** What failed: the file, and the test in it. */
  readonly failures: string[] = []
  /** How long each file took. */
  readonly times: { readonly file: string; readonly ms: number }[] = []

  readonly #out: Output
  #ended: Result | undefined
  #asserts = 0
  #skips: Result[] = []
  #failed: Result[] = []
  #printed: string[] = []

  constructor(out: Output) {
    this.#out = out
    this.input.on('pass', () => {
      this.passed++
      this.#asserts++
    })
    this.input.on('fail', (result: Result) => {
      this.failed++
      this.#asserts++
      this.#failed.push(result)
    })
    for (const event of ['skip', 'todo'] as const) {
      this.input.on(event, (result: Result) => this.#skips.push(result))
    }
    this.input.on('bailout', (reason: string) => this.#line(`FAIL  stopped: ${reason}`))
    this.input.on('extra', (text: string) => this.#printed.push(text))
    this.input.on('child', () => this.#endFile())
    // A file is one test point of tap's, after those within it; that it failed by itself is told later still.
    this.input.on('assert', (file: Result) => {
      this.#endFile()
      this.#ended = file
      setImmediate(() => this.#endFile())
    })
  }

  #endFile(): void {
    const file = this.#ended
    if (!file) return
    const { name } = file
    const ms = Math.round(file.time ?? 0)
    const isEmpty = file.ok && this.#asserts === 0 && this.#skips.length === 0
    if (isEmpty) this.failed++
    const isGood = file.ok && !isEmpty
    this.#line(`${isGood ? 'ok  ' : 'FAIL'}  ${name}  (${this.#asserts} asserts, ${ms} ms)`)
    this.times.push({ file: name, ms })
    for (const skip of this.#skips) this.skipped.push(`${pathOf(skip, file)}: ${reasonOf(skip)}`)
    if (isEmpty) this.#fail(file, `${name}: it asserts nothing`)
    for (const failure of this.#failed) this.#explain(failure, file)
    if (!isGood) this.#out.write(this.#printed.join(''))
    this.#ended = undefined
    this.#asserts = 0
    this.#skips = []
    this.#failed = []
    this.#printed = []
  }

  #explain(failure: Result, file: Result): void {
    this.#fail(file, pathOf(failure, file))
    for (const [key, value] of Object.entries(failure.diag ?? {})) {
      if (!noise.has(key)) this.#line(indent(describe(key, value)))
    }
    this.#line('')
  }

  #fail({ name }: Result, what: string): void {
    this.failures.push(what)
    this.#line(`\n    ${what.replace(`${name} > `, '')}`)
  }

  #line(text: string): void {
    this.#out.write(`${text}\n`)
  }
}

/** The file, and where in it. */
function pathOf(result: Result, file: Result): string {
  if (result === file) return `${file.name} > the file itself`
  return `${file.name} > ${result.fullname.replace(file.name, '').replace(/^ > /, '')}`
}

function reasonOf({ skip, todo }: Result): string {
  const reason = [skip, todo].find((one) => typeof one === 'string' && one !== '')
  return String(reason ?? (todo ? 'not done yet' : 'no reason given'))
}

function describe(key: string, value: unknown): string {
  const text = typeof value === 'string' ? value : inspect(value, { depth: 6, breakLength: 90 })
  return text.includes('\n') ? `${key}:\n${indent(text)}` : `${key}: ${text}`
}

function indent(text: string): string {
  return text.trimEnd().replace(/^/gm, '      ')
}
