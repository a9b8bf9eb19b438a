import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { parseSync, Visitor } from 'oxc-parser'

export interface Import {
  /** The importing file, relative to the root. */
  readonly from: string
  /** A file relative to the root, or the name of a package; null where it is computed. */
  readonly to: string | null
  readonly isPackage: boolean
  /** True where nothing of it is left at run time. */
  readonly isType: boolean
}

/** Reads every import, re-export, `import()` and `import('…').Type` of the source files in the folders. */
export function readImports(root: string, folders: readonly string[]): Import[] {
  return globSync(
    folders.map((folder) => `${folder}/**/*.{ts,js}`),
    { cwd: root }
  )
    .map((path) => path.split(sep).join('/'))
    .filter((path) => !path.includes('node_modules/'))
    .sort()
    .flatMap((path) => importsOf(root, path))
}

function importsOf(root: string, from: string): Import[] {
  const source = readFileSync(join(root, from), 'utf8')
  const { module, program, errors } = parseSync(from, source)
  if (errors.length > 0) throw new Error(`${from} does not parse: ${errors[0]?.message}`)

  const found: Import[] = []
  const add = (specifier: string | null, isType: boolean): void => {
    found.push({ from, isType, ...target(from, specifier) })
  }
  for (const { moduleRequest, entries } of module.staticImports) {
    add(moduleRequest.value, entries.length > 0 && entries.every(({ isType }) => isType))
  }
  for (const { moduleRequest, isType } of module.staticExports.flatMap(({ entries }) => entries)) {
    if (moduleRequest) add(moduleRequest.value, isType)
  }
  new Visitor({
    ImportExpression: ({ source }) => add(literal(source), false),
    TSImportType: ({ source }) => add(source.value, true)
  }).visit(program)
  return found
}

function literal(node: { type: string; value?: unknown }): string | null {
  return node.type === 'Literal' && typeof node.value === 'string' ? node.value : null
}

function target(from: string, specifier: string | null): Pick<Import, 'to' | 'isPackage'> {
  if (specifier === null) return { to: null, isPackage: false }
  if (!specifier.startsWith('.')) return { to: specifier, isPackage: true }
  const path = relative('.', join(dirname(from), specifier))
  return { to: path.split(sep).join('/'), isPackage: false }
}
