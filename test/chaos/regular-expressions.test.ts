import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseSync, Visitor } from 'oxc-parser'
import { checkSync } from 'recheck'
import t from 'tap'
import { SETTINGS } from '../../src/config/settings.ts'
import { schemas } from '../../src/schemas/validate.ts'

// No pattern takes more than linear time, whatever text meets it.

type Pattern = readonly [where: string, source: string, flags: string]
const root = fileURLToPath(new URL('../..', import.meta.url))

/** Every regular expression that is written in src. */
function inSource(): Pattern[] {
  return globSync('src/**/*.ts', { cwd: root }).flatMap((file) => {
    const found: Pattern[] = []
    const { program } = parseSync(file, readFileSync(`${root}/${file}`, 'utf8'))
    new Visitor({
      Literal: (node) => {
        if ('regex' in node) found.push([file, node.regex.pattern, node.regex.flags])
      }
    }).visit(program)
    return found
  })
}

/** Every `pattern` of a JSON Schema. */
function inSchema(where: string, schema: unknown): Pattern[] {
  if (typeof schema !== 'object' || schema === null) return []
  return Object.entries(schema).flatMap(([key, value]): Pattern[] =>
    key === 'pattern' && typeof value === 'string' ? [[where, value, 'u']] : inSchema(where, value)
  )
}

// The one that is written in JavaScript: it needs no binary of a platform.
process.env['RECHECK_BACKEND'] = 'pure'
// By default it gives up after ten seconds, which a busy machine may take.
const judge = (source: string, flags: string) =>
  checkSync(source, flags, { timeout: 120_000 }).status

const patterns = [
  ...inSource(),
  ...[...schemas].flatMap(([name, schema]) => inSchema(`schemas/${name}.json`, schema)),
  ...inSchema('src/config/settings.ts', SETTINGS)
]

t.test('a pattern that could take long would be found', async (t) => {
  t.equal(judge('^(a+)+$', ''), 'vulnerable')
  t.equal(judge('a+$', ''), 'vulnerable')
  t.ok(patterns.length > 30)
})

for (const [where, source, flags] of patterns) {
  t.test(`${where}: ${source}`, async (t) => t.equal(judge(source, flags), 'safe'))
}
