import t from 'tap'
import { sentencesOfComments, sentencesOfMarkdown } from '../../../scripts/prose.ts'

// What `npm run prose` counts as a sentence.

t.test(
  'a paragraph and an item of a list are prose; a heading and a block of code are not',
  async (t) => {
    const text = `# A heading

One sentence. Another one,
on two lines.

- An item
- \`code\` with [a link](docs/a.md): **one** sentence

\`\`\`sh
npm test. Not. Prose.
\`\`\`
`
    t.same(sentencesOfMarkdown(text), [
      'One sentence.',
      'Another one, on two lines.',
      'An item',
      'code with a link: one sentence'
    ])
  }
)

t.test('a cell of a table is prose where it has six words', async (t) => {
  const text = `| a | b |
| --- | --- |
| a name | a whole sentence with enough words. Another \\| one |
`
  t.same(sentencesOfMarkdown(text), ['a whole sentence with enough words.', 'Another \\| one'])
})

t.test('comments line by line are one text, and those apart are not', async (t) => {
  const source = `// One sentence that goes
// on here. Another.
const a = 1 // Apart.
/**
 * A block,
 * on two lines.
 */
`
  t.same(sentencesOfComments('a.ts', source), [
    'One sentence that goes on here.',
    'Another.',
    'Apart.',
    'A block, on two lines.'
  ])
})
