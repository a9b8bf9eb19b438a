import { inspect } from 'node:util'
import { Parser, type Result } from 'tap-parser'

interface Output {
  write(text: string): unknown
}

// What tap says of every file that fails, and what the stack says better.
const noise = new Set(['args', 'at', 'command', 'cwd', 'externalID', 'jobId', 'stdio', 'tapCaught'])

/** Turns the TAP of a run into a line for each file, with its failures in full below it. */
export class Reporter {
  /** Takes the TAP. */
  readonly input = new Parser()
  /** Asserts, of all files. A file that crashes or is cut off counts as one that failed. */
  passed = 0
  failed = 0

  readonly #out: Output
  #ended: Result | undefined
  #asserts = 0
  #failures: Result[] = []
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
      this.#failures.push(result)
    })
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
    const word = file.ok ? 'ok  ' : 'FAIL'
    this.#line(
      `${word}  ${file.name}  (${this.#asserts} asserts, ${Math.round(file.time ?? 0)} ms)`
    )
    if (!file.ok) {
      for (const failure of this.#failures) this.#explain(failure, file)
      this.#out.write(this.#printed.join(''))
    }
    this.#ended = undefined
    this.#asserts = 0
    this.#failures = []
    this.#printed = []
  }

  #explain(failure: Result, file: Result): void {
    const name = failure === file ? 'the file itself' : failure.fullname.replace(file.name, '')
    this.#line(`\n    ${name.replace(/^ > /, '')}`)
    for (const [key, value] of Object.entries(failure.diag ?? {})) {
      if (!noise.has(key)) this.#line(indent(describe(key, value)))
    }
    this.#line('')
  }

  #line(text: string): void {
    this.#out.write(`${text}\n`)
  }
}

function describe(key: string, value: unknown): string {
  const text = typeof value === 'string' ? value : inspect(value, { depth: 6, breakLength: 90 })
  return text.includes('\n') ? `${key}:\n${indent(text)}` : `${key}: ${text}`
}

function indent(text: string): string {
  return text.trimEnd().replace(/^/gm, '      ')
}
