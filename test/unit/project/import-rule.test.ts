import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { importFaults } from '../../../scripts/import-rule.ts'

test('the project keeps the import rule', async (t) => {
  t.same(importFaults(fileURLToPath(new URL('../../..', import.meta.url))), [])
})

const value = (path: string): string => `import { x } from '${path}'\nexport const y = x\n`
const type = (path: string): string => `import type { X } from '${path}'\nexport type Y = X\n`

/** Each row: a file, what it holds, and whether that breaks the rule. */
const rows: [file: string, content: string, isFault: boolean][] = [
  ['src/schemas/a.ts', value('../core/x.ts'), true],
  ['src/schemas/a.ts', type('../core/x.ts'), true],

  ['src/core/a.ts', value('./x.ts'), false],
  ['src/core/part/a.ts', value('../x.ts'), false],
  ['src/core/a.ts', type('../schemas/x.ts'), false],
  ['src/core/a.ts', "import { type X, type Y } from '../schemas/x.ts'", false],
  ['src/core/a.ts', "import { type X, y } from '../schemas/x.ts'", true],
  ['src/core/a.ts', value('../schemas/x.ts'), true],
  ['src/core/a.ts', value('node:fs'), true],
  ['src/core/a.ts', type('node:fs'), true],
  ['src/core/a.ts', value('fastify'), true],
  ['src/core/a.ts', type('../config/x.ts'), true],
  ['src/core/a.ts', type('../queue/x.ts'), true],
  ['src/core/a.ts', "export * from '../queue/x.ts'", true],
  ['src/core/a.ts', "export { x } from '../queue/x.ts'", true],
  ['src/core/a.ts', "import '../queue/x.ts'", true],
  ['src/core/a.ts', "export const f = () => import('../queue/x.ts')", true],
  ['src/core/a.ts', 'export const f = (name: string) => import(name)', true],
  ['src/core/a.ts', "export type X = import('../queue/x.ts').X", true],

  ['src/crypto/a.ts', value('../core/x.ts'), false],
  ['src/crypto/a.ts', value('../ledger/x.ts'), true],
  ['src/khipu/a.ts', value('../core/x.ts'), false],
  ['src/khipu/a.ts', value('../crypto/x.ts'), false],
  ['src/khipu/a.ts', value('jose'), false],
  ['src/khipu/a.ts', type('../config/x.ts'), false],
  ['src/khipu/a.ts', value('../config/x.ts'), true],
  ['src/khipu/a.ts', value('../ledger/x.ts'), true],
  ['src/khipu/a.ts', value('../queue/x.ts'), true],
  ['src/redis/a.ts', type('../ledger/x.ts'), true],
  ['src/spool/a.ts', value('../redis/x.ts'), true],
  ['src/ledger/a.ts', value('../redis/x.ts'), false],
  ['src/ledger/a.ts', type('../khipu/x.ts'), false],
  ['src/ledger/a.ts', value('../queue/x.ts'), true],
  ['src/ledger/a.ts', value('../http/x.ts'), true],
  ['src/queue/a.ts', value('../delivery/x.ts'), false],
  ['src/queue/a.ts', value('../ledger/x.ts'), true],
  ['src/queue/a.ts', value('../worker/x.ts'), true],
  ['src/delivery/a.ts', value('../queue/x.ts'), true],
  ['src/http/a.ts', value('../callbacks/x.ts'), true],

  ['src/callbacks/a.ts', value('../ledger/x.ts'), false],
  ['src/callbacks/a.ts', type('../config/x.ts'), false],
  ['src/callbacks/a.ts', value('../config/x.ts'), true],
  ['src/callbacks/a.ts', type('../operator/x.ts'), true],
  ['src/operator/a.ts', value('./routes/x.ts'), false],
  ['src/operator/a.ts', value('../callbacks/x.ts'), true],
  ['src/operator/a.ts', type('../worker/x.ts'), true],
  ['src/worker/a.ts', value('../khipu/x.ts'), false],
  ['src/worker/a.ts', value('../callbacks/x.ts'), true],
  ['src/worker/a.ts', type('../app/x.ts'), true],
  ['src/worker/a.ts', type('../main.ts'), true],

  ['src/config/a.ts', value('../core/x.ts'), false],
  ['src/config/a.ts', value('../http/x.ts'), true],
  ['src/app/a.ts', value('../worker/x.ts'), false],
  ['src/app/a.ts', value('../main.ts'), true],
  ['src/app/a.ts', value('../commands/x.ts'), true],
  ['src/commands/a.ts', value('../app/x.ts'), false],
  ['src/main.ts', value('./config/x.ts'), false],
  ['src/main.ts', value('./app/x.ts'), false],
  ['src/main.ts', type('../simulator/x.ts'), true],
  ['src/main.ts', value('../test/x.ts'), true],
  ['src/main.ts', value('../bench/x.ts'), true],
  ['src/main.ts', value('../schemas/x.ts'), true],
  ['src/utils/a.ts', value('node:fs'), true],

  ['simulator/a.ts', value('../schemas/x.ts'), false],
  ['simulator/a.ts', type('../src/core/x.ts'), true],
  ['simulator/a.ts', value('../test/x.ts'), true],
  ['schemas/a.ts', value('../src/core/x.ts'), true],
  ['docs/a.js', value('node:crypto'), false],
  ['docs/a.js', value('../src/core/x.ts'), true],
  ['simulator/a.ts', value('../docs/x.js'), true],
  ['test/a.ts', value('../src/main.ts'), false],
  ['scripts/a.ts', value('../src/main.ts'), true],
  ['bench/a.ts', value('../simulator/x.ts'), false]
]

for (const [file, content, isFault] of rows) {
  test(`${isFault ? 'refuses' : 'allows'} in ${file}: ${content.split('\n')[0]}`, async (t) => {
    const faults = importFaults(t.testdir(folders(file, content)))
    t.equal(faults.length, isFault ? 1 : 0, faults.join('\n'))
  })
}

test('finds circles, through types and across folders', async (t) => {
  const root = t.testdir({
    src: {
      core: { 'a.ts': type('./b.ts'), 'b.ts': value('./c.ts'), 'c.ts': type('./a.ts') },
      app: { 'd.ts': value('./d.ts') }
    }
  })
  t.same(importFaults(root), [
    'circle: src/app/d.ts → src/app/d.ts',
    'circle: src/core/a.ts → src/core/b.ts → src/core/c.ts → src/core/a.ts'
  ])
})

interface Folder {
  [name: string]: string | Folder
}

function folders(path: string, content: string): Folder {
  return path
    .split('/')
    .reduceRight<string | Folder>((rest, name) => ({ [name]: rest }), content) as Folder
}
