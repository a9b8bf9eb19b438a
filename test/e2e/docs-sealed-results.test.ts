import { execFile, execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { isSealed, openResult, parseResultKeys } from '../../docs/reference/open-result.js'
import { decryptResult } from '../../simulator/decrypt-result.ts'
import { deriveKey, type Purpose } from '../../src/crypto/derive-key.ts'
import { createCipher } from '../../src/crypto/encrypt.ts'
import { schemas } from '../../src/schemas/validate.ts'
import { holds } from '../helpers/holds.ts'
import { entryPoint } from '../helpers/service-process.ts'
import { secretKey } from '../helpers/service.ts'

// What docs/reference/encrypted-results.md says is true, and docs/reference/open-result.js does what it says.

const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
const DOCUMENT = read('docs/reference/encrypted-results.md')

interface Example {
  readonly SECRET_KEYS: string
  readonly RESULT_KEYS: string
  readonly job: { readonly id: string; readonly data: { requestId: string; sealed: string } }
  readonly text: string
}
const example = JSON.parse(block('example')) as Example
const { job } = example
const exampleKeys = parseResultKeys(example.RESULT_KEYS)

const k1 = secretKey('k1')
const k2 = secretKey('k2')
const keysOf = (...keys: readonly (typeof k1)[]) =>
  new Map(keys.map(({ kid, bytes }) => [kid, deriveKey(bytes, 'result')] as const))
const cipher = createCipher([k1, k2], 'result')
const keys = keysOf(k1, k2)
const sealedJob = (text: string, id: string) => {
  const sealed = cipher.encrypt(Buffer.from(text), id).toString('base64')
  return { id, data: { requestId: id, sealed } }
}
const opens = (id: string, sealed: string, by = keys) => {
  try {
    openResult({ id, data: { requestId: id, sealed } }, by)
    return true
  } catch {
    return false
  }
}

t.test('the example opens as the document says, by both of our openers', async (t) => {
  const expected: unknown = JSON.parse(example.text)
  t.same(openResult(job, exampleKeys), expected)
  t.same(decryptResult(job, example.RESULT_KEYS), expected)
  t.match(example.text, '12345678901234567890')
  t.same(schemas.get('sealed-result')?.['examples'], [job.data])
})

/** Why the Python can't be run here, or false. */
function noPython(): string | false {
  try {
    execFileSync('python3', ['-c', 'import cryptography'], { stdio: 'ignore' })
    return false
  } catch {
    return 'python3 with its package cryptography is not there'
  }
}

t.test("the document's Python opens the example", { skip: noPython() }, async (t) => {
  const lines = [
    `import sys\n${block('python')}`,
    'given = json.loads(sys.argv[1])\njob = given["job"]',
    'keys = parse_result_keys(given["RESULT_KEYS"])',
    'assert open_result(job["id"], job["data"], keys) == json.loads(given["text"])',
    'assert open_result("x", {"a": 1}, keys) == {"a": 1}',
    'try:\n    open_result(job["id"] + "-late", job["data"], keys)\nexcept Exception as e:',
    '    print(type(e).__name__)'
  ]
  const said = execFileSync('python3', ['-c', lines.join('\n'), JSON.stringify(example)])
  t.equal(said.toString().trim(), 'InvalidTag')
})

t.test('npm run result-keys', async (t) => {
  const run = (env: Record<string, string>) =>
    promisify(execFile)(process.execPath, [entryPoint('commands/result-keys')], {
      env: { PATH: process.env['PATH'], ...env }
    })
  t.test('prints the keys of the example', async (t) => {
    const { stdout, stderr } = await run({ SECRET_KEYS: example.SECRET_KEYS })
    t.same([stdout, stderr], [`${example.RESULT_KEYS}\n`, ''])
  })
  t.test('reads SECRET_KEYS_FILE', async (t) => {
    const file = join(t.testdir({ keys: `${example.SECRET_KEYS}\n` }), 'keys')
    t.equal((await run({ SECRET_KEYS_FILE: file })).stdout, `${example.RESULT_KEYS}\n`)
  })
  const faults: [env: Record<string, string>, message: string][] = [
    [{}, 'SECRET_KEYS is required'],
    [{ SECRET_KEYS: 'canary' }, 'SECRET_KEYS must be kid:base64 of 32 bytes'],
    [{ SECRET_KEYS_FILE: '/canary' }, 'SECRET_KEYS_FILE names a file that cannot be read']
  ]
  for (const [env, message] of faults) {
    t.test(`says that ${message}, and no value`, async (t) => {
      const error = await run(env).catch((failed: { code: number; stderr: string }) => failed)
      t.match(error, { code: 1, stdout: '' })
      t.match(error.stderr, `  - ${message}`)
      t.notMatch(error.stderr, 'canary')
    })
  }
})

t.test(
  "a consumer's keys open nothing that the ledger sealed, and make no other key",
  async (t) => {
    const purposes: readonly Purpose[] = ['seal', 'result']
    const derived = purposes.map((purpose) => deriveKey(k1.bytes, purpose).toString('hex'))
    t.equal(new Set([...derived, Buffer.from(k1.bytes).toString('hex')]).size, 3)
    const ledger = createCipher([k1])
    t.notOk(opens('a', ledger.encrypt(Buffer.from('{}'), 'a').toString('base64')))
    t.throws(() => ledger.decrypt(cipher.encrypt(Buffer.from('{}'), 'a'), 'a'))
  }
)

t.test('what was sealed opens again, equal', async (t) => {
  holds(t, fc.tuple(fc.json(), fc.uuid()), ([text, id]) => {
    const opened = openResult(sealedJob(text, id), keys)
    return JSON.stringify(opened) === JSON.stringify(JSON.parse(text))
  })
})

t.test('refuses', async (t) => {
  const { id, data } = sealedJob('{"canary":"canary"}', 'a')
  const bytes = Buffer.from(data.sealed, 'base64')
  t.ok(opens(id, data.sealed))

  t.test('any bit flipped', async (t) => {
    holds(t, fc.tuple(fc.json(), fc.nat()), ([text, at]) => {
      const flipped = Buffer.from(sealedJob(text, id).data.sealed, 'base64')
      const bit = at % (flipped.length * 8)
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      return !opens(id, flipped.toString('base64'))
    })
    const all = [...Array(bytes.length * 8).keys()].filter((bit) => {
      const copy = Buffer.from(bytes)
      copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      return opens(id, copy.toString('base64'))
    })
    t.same(all, [])
  })
  t.test('anything cut off or added', async (t) => {
    const shorter = [...Array(bytes.length).keys()].map((length) => bytes.subarray(0, length))
    const others = [...shorter, bytes.subarray(1), Buffer.concat([bytes, Buffer.of(0)])]
    t.same(
      others.filter((other) => opens(id, other.toString('base64'))),
      []
    )
  })
  t.test('base64 that is not written as the document says', async (t) => {
    const { sealed } = data
    t.same(
      [`${sealed}=`, ` ${sealed}`, `${sealed}!`, sealed.replaceAll('=', '')].filter(
        (text) => text !== sealed && opens(id, text)
      ),
      []
    )
  })
  t.test("another job's id, the late one's too", async (t) => {
    holds(t, fc.string(), (other) => other === id || !opens(other, data.sealed))
    t.notOk(opens(`${id}-late`, data.sealed))
    t.throws(() => openResult({ data }, keys), { message: /altered/ })
  })
  t.test('another key by the same name', async (t) => {
    t.notOk(opens(id, data.sealed, keysOf(secretKey('k1'))))
  })

  const rows: [what: string, wrong: () => unknown, message: RegExp][] = [
    [
      'an unknown key, by its name',
      () => openResult({ id, data }, keysOf(k2)),
      /^the result of job a is sealed with key "k1", which RESULT_KEYS lacks$/
    ],
    [
      'altered bytes',
      () =>
        openResult(
          { id, data: { ...data, sealed: Buffer.from(bytes).fill(0, 30).toString('base64') } },
          keys
        ),
      /^the sealed result of job a was altered/
    ],
    [
      'one that is not sealed, where it is told to',
      () => openResult({ id, data: { canary: 1 } }, keys, { sealedOnly: true }),
      /^the result of job a is not sealed$/
    ]
  ]
  for (const [what, wrong, message] of rows) {
    t.test(what, async (t) => {
      t.throws(wrong, { message })
      t.throws(wrong, { message: /^(?!.*canary)/ })
    })
  }
})

t.test('a job that is not sealed is handed back as it is', async (t) => {
  const plain = [{ requestId: 'a', outcome: 'failed' }, { sealed: 1 }, null, 'text', undefined]
  for (const data of plain) {
    t.equal(isSealed(data), false)
    t.equal(openResult({ id: 'a', data }, keys), data)
  }
})

t.test('the first key seals, and each opens what it sealed', async (t) => {
  const later = createCipher([k2, k1], 'result')
  const sealed = later.encrypt(Buffer.from('{}'), 'a').toString('base64')
  t.ok(opens('a', sealed, keysOf(k2)))
  t.notOk(opens('a', sealed, keysOf(k1)))
  t.ok(opens('a', cipher.encrypt(Buffer.from('{}'), 'a').toString('base64'), keysOf(k2, k1)))
})

t.test('RESULT_KEYS', async (t) => {
  const base64 = Buffer.alloc(32, 1).toString('base64')
  t.same([...parseResultKeys(` a:${base64} , b-_1:${base64}\n`).keys()], ['a', 'b-_1'])
  const wrong = [
    '',
    'canary',
    `:${base64}`,
    `a:canary`,
    `a:${base64},`,
    `${'a'.repeat(17)}:${base64}`
  ]
  for (const text of [...wrong, `a:${base64},a:${base64}`]) {
    t.test(`of the form ${text.slice(0, 20)} is refused, and not shown`, async (t) => {
      t.throws(() => parseResultKeys(text), { message: /^RESULT_KEYS (?!.*canary)/ })
    })
  }
})

t.test('the module stands alone', async (t) => {
  const imports = [...read('docs/reference/open-result.js').matchAll(/from '([^']+)'/g)].map(
    ([, it]) => it
  )
  t.same(imports, ['node:crypto'])
})

/** The code block of the document that follows a mark. */
function block(mark: string): string {
  const [, after = ''] = DOCUMENT.split(`<!-- ${mark} -->`)
  return /^```\w+\n(.*?)^```$/ms.exec(after)?.[1] ?? ''
}
