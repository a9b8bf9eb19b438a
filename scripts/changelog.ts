// The two things that a release does to CHANGELOG.md. The package keep-a-changelog would do them as well, but it
// writes the whole file anew, in a form of its own.

const UNRELEASED = 'Unreleased'

interface Section {
  readonly title: string
  readonly body: string
}

/** The changelog in which what was unreleased is that of `version`; throws where that can't be. */
export function releaseChangelog(changelog: string, version: string, date: string): string {
  const { head, sections } = read(changelog)
  const [first, ...earlier] = sections
  if (first?.title !== UNRELEASED) throw new Error(`CHANGELOG.md does not begin with ${UNRELEASED}`)
  if (first.body === '') throw new Error(`CHANGELOG.md has nothing under ${UNRELEASED}`)
  if (find(earlier, version)) throw new Error(`CHANGELOG.md has a section ${version} already`)
  const anew = { title: UNRELEASED, body: '' }
  return write(head, [anew, { ...first, title: `${version} - ${date}` }, ...earlier])
}

/** What the changelog says of `version`; throws where that is nothing. */
export function notesOf(changelog: string, version: string): string {
  const section = find(read(changelog).sections, version)
  if (!section?.body) throw new Error(`CHANGELOG.md says nothing of ${version}`)
  return section.body
}

function find(sections: readonly Section[], version: string): Section | undefined {
  return sections.find(({ title }) => title.split(' ')[0] === version)
}

function read(changelog: string): { head: string; sections: Section[] } {
  const [head = '', ...parts] = changelog.split(/^## /m)
  const sections = parts.map((part) => {
    const [title = '', ...lines] = part.split('\n')
    return { title: title.trim(), body: lines.join('\n').trim() }
  })
  return { head: head.trim(), sections }
}

function write(head: string, sections: readonly Section[]): string {
  const parts = sections.flatMap(({ title, body }) => [`## ${title}`, body])
  return `${[head, ...parts].filter((part) => part !== '').join('\n\n')}\n`
}
