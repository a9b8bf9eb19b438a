import { readFileSync } from 'node:fs'
import t from 'tap'
import { notesOf, releaseChangelog } from '../../../scripts/changelog.ts'

const own = readFileSync(new URL('../../../CHANGELOG.md', import.meta.url), 'utf8')

const before = `# Changelog

The format.

## Unreleased

### Added

- A thing,
  on two lines.

### Fixed

- Another.

## 0.1.0 - 2026-11-23

### Added

- The beginning.
`

const after = before.replace('## Unreleased', '## Unreleased\n\n## 0.2.0 - 2026-12-01')

t.test(
  'a release gives what was unreleased its version and date, and changes nothing else',
  async (t) => {
    t.equal(releaseChangelog(before, '0.2.0', '2026-12-01'), after)
  }
)

t.test('the first release needs no earlier one', async (t) => {
  const first = '# Changelog\n\n## Unreleased\n\n- All of it.\n'
  t.equal(
    releaseChangelog(first, '1.0.0-rc.0', '2026-12-01'),
    '# Changelog\n\n## Unreleased\n\n## 1.0.0-rc.0 - 2026-12-01\n\n- All of it.\n'
  )
})

t.test('what can not be released is refused', async (t) => {
  const rows: [changelog: string, version: string, why: string][] = [
    [after, '0.3.0', 'CHANGELOG.md has nothing under Unreleased'],
    [before, '0.1.0', 'CHANGELOG.md has a section 0.1.0 already'],
    [before.replace('Unreleased', 'Soon'), '0.2.0', 'CHANGELOG.md does not begin with Unreleased'],
    ['', '0.2.0', 'CHANGELOG.md does not begin with Unreleased']
  ]
  for (const [changelog, version, message] of rows) {
    t.throws(() => releaseChangelog(changelog, version, '2026-12-01'), { message })
  }
})

t.test('the notes of a release are its section', async (t) => {
  t.equal(notesOf(after, '0.1.0'), '### Added\n\n- The beginning.')
  t.equal(notesOf(after, '0.2.0'), before.split(/^## .+$/m)[1]?.trim())
  for (const version of ['0.2', '0.2.0-rc.0', '0', '']) {
    t.throws(() => notesOf(after, version), { message: `CHANGELOG.md says nothing of ${version}` })
  }
})

t.test('the own changelog can be released, and all of it stays as it is', async (t) => {
  const anew = own.includes('## Unreleased\n\n### ')
    ? own
    : own.replace('## Unreleased', '## Unreleased\n\n- A thing.')
  const released = releaseChangelog(anew, '99.0.0', '2026-12-01')
  t.equal(released.replace('\n\n## 99.0.0 - 2026-12-01', ''), anew)
})
