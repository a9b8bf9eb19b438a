import t from 'tap'
import { parseSearch, QUALIFIERS } from '../../../src/core/search/parse-search.ts'
import { codeIn, tableAfter } from '../../helpers/documents.ts'

// What the page about the pages says of the search is true.

const rows = tableAfter('docs/operate/pages.md', 'qualifiers')

t.test('every qualifier of a search is documented, and no other', async (t) => {
  t.same(
    rows.map(([name = '']) => codeIn(name)[0]),
    [...QUALIFIERS]
  )
})

t.test('every example is a search', async (t) => {
  for (const [, , example = ''] of rows) {
    t.equal(parseSearch(codeIn(example)[0] ?? '').type, 'filters', example)
  }
})
