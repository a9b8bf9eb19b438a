// Writes src/schemas/generated.ts from schemas/*.json. With --check it only compares, for CI.
//
// Every title becomes a type. An object gets an index signature only where its schema says
// `additionalProperties: true`: what others write is open. Where the keyword is absent, readers
// must tolerate additions, but our own code writes just what is listed.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { compile } from 'json-schema-to-typescript'
import { format, resolveConfig } from 'prettier'

interface Schema {
  readonly $id: string
  readonly title: string
  readonly $defs?: Readonly<Record<string, Schema>>
}

const COMMAND = 'node schemas/generate-types.ts'
const FOLDER = new URL('./', import.meta.url)
const OUTPUT = fileURLToPath(new URL('../src/schemas/generated.ts', FOLDER))
const ONLY_VALIDATED = new Set(['$id', '$schema', '$defs', 'examples', 'if', 'then', 'else'])

const schemas = readSchemas()
const definitions = new Map([...schemas.values()].flatMap(definitionsOf))
const generated = await generate()

if (!process.argv.includes('--check')) {
  writeFileSync(OUTPUT, generated)
} else if (!existsSync(OUTPUT) || readFileSync(OUTPUT, 'utf8') !== generated) {
  console.error(`src/schemas/generated.ts does not match schemas/*.json. Run: ${COMMAND}`)
  process.exitCode = 1
}

function readSchemas(): Map<string, Schema> {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.json'))
  return new Map(files.toSorted().map((file) => [file.replace(/\.json$/, ''), readSchema(file)]))
}

function readSchema(file: string): Schema {
  return JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as Schema
}

/** What becomes a type of its own, by the address that a `$ref` resolves to. */
function definitionsOf(schema: Schema): [string, Schema][] {
  const own = Object.entries(schema.$defs ?? {})
  const local = own.map(([key, def]): [string, Schema] => [`${schema.$id}#/$defs/${key}`, def])
  return [...local, [schema.$id, schema]]
}

async function generate(): Promise<string> {
  const types = await Promise.all([...definitions].map(([address, it]) => typeOf(it, address)))
  const banner = `// Generated from schemas/*.json by \`${COMMAND}\`. Do not edit.`
  const source = [banner, ...types, schemaTypes()].join('\n\n')
  return format(source, { ...(await resolveConfig(OUTPUT)), parser: 'typescript' })
}

function typeOf(schema: Schema, address: string): Promise<string> {
  return compile(prepare(schema, address) as object, schema.title, {
    additionalProperties: false,
    bannerComment: '',
    format: false,
    ignoreMinAndMaxItems: true
  })
}

/** Refers to other types by their names, so that each type is declared once. */
function prepare(node: unknown, base: string): unknown {
  if (Array.isArray(node)) return node.map((item) => prepare(item, base))
  if (typeof node !== 'object' || node === null) return node
  if (isOfAnyKind(node)) return { ...node, tsType: 'unknown' }
  const entries = Object.entries(node).filter(([key]) => !ONLY_VALIDATED.has(key))
  return Object.fromEntries(
    entries.map(([key, value]) =>
      key === '$ref' ? ['tsType', typeName(value as string, base)] : [key, prepare(value, base)]
    )
  )
}

/** A schema that only describes: json-schema-to-typescript takes it for an object. */
function isOfAnyKind(node: object): boolean {
  const [entry, ...others] = Object.entries(node) as [string, unknown][]
  return others.length === 0 && entry?.[0] === 'description' && typeof entry[1] === 'string'
}

function typeName(ref: string, base: string): string {
  const definition = definitions.get(new URL(ref, base).href)
  if (definition === undefined) throw new Error(`${base} refers to ${ref}, which does not exist`)
  return definition.title
}

function schemaTypes(): string {
  const rows = [...schemas].map(([name, { title }]) => `'${name}': ${title}`)
  return `/** The type that each file of schemas/ describes, by its name without \`.json\`. */
export interface SchemaTypes {\n${rows.join('\n')}\n}\n`
}
