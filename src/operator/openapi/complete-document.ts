import type { ProblemCode } from '../problem.ts'
import type { Hints } from './describe-route.ts'
import { problemAnswers, problemComponents } from './problem-answers.ts'

interface Schema {
  readonly $ref?: string
  readonly anyOf?: readonly Schema[]
  readonly examples?: readonly unknown[]
}

interface Media {
  readonly schema?: Schema
  readonly example?: unknown
  readonly examples?: unknown
}

type Content = Readonly<Record<string, Media>>

interface Operation extends Partial<Hints> {
  readonly requestBody?: { readonly content: Content; readonly required?: boolean }
  readonly responses?: Readonly<Record<string, object>>
}

type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>
type Components = Readonly<Record<string, Readonly<Record<string, object>>>>

/** The parts of an OpenAPI document that are completed here. */
export interface Document {
  readonly paths?: Paths
  readonly webhooks?: Paths
  readonly components?: Components
}

/** Adds to a document what the plugin can't: problems, examples, optional bodies. It drops unused components. */
export function completeDocument(document: Document): Document {
  const { paths = {}, webhooks = {}, components = {} } = document
  const complete = (operation: Operation) =>
    withExamples(withProblems(operation), components['schemas'] ?? {})
  const completed = {
    ...document,
    paths: ofEach(paths, (item) => ofEach(item, complete)),
    webhooks: ofEach(webhooks, (item) => ofEach(item, complete))
  }
  const all = { ...components, responses: problemComponents() }
  return { ...completed, components: onlyUsed(all, [completed.paths, completed.webhooks]) }
}

function ofEach<From, To>(
  record: Readonly<Record<string, From>>,
  change: (value: From) => To
): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))
}

function withProblems(operation: Operation): Operation {
  const {
    'x-problems': problems = [],
    'x-body-may-be-absent': mayBeAbsent = false,
    ...rest
  } = operation
  const { requestBody, responses = {} } = rest
  return {
    ...rest,
    ...(requestBody === undefined
      ? {}
      : { requestBody: { ...requestBody, required: !mayBeAbsent } }),
    responses: { ...problemAnswers(problems as readonly ProblemCode[]), ...responses }
  }
}

/** Gives each body the examples of its schema, because most tools look for them there only. */
function withExamples(operation: Operation, schemas: Components[string]): Operation {
  const { requestBody, responses = {} } = operation
  const inContent = <Has extends object>(body: Has): Has =>
    'content' in body
      ? { ...body, content: ofEach(body.content as Content, (it) => illustrated(it, schemas)) }
      : body
  return {
    ...operation,
    ...(requestBody === undefined ? {} : { requestBody: inContent(requestBody) }),
    responses: ofEach(responses, inContent)
  }
}

function illustrated(media: Media, schemas: Components[string]): Media {
  if (media.example !== undefined || media.examples !== undefined) return media
  const [first, ...others] = examplesOf(media.schema ?? {}, schemas)
  if (first === undefined) return media
  if (others.length === 0) return { ...media, example: first }
  const named = [first, ...others].map((value, at) => [`example${at + 1}`, { value }])
  return { ...media, examples: Object.fromEntries(named) }
}

function examplesOf(
  { $ref, anyOf, examples = [] }: Schema,
  schemas: Components[string]
): unknown[] {
  if (anyOf !== undefined) return anyOf.flatMap((one) => examplesOf(one, schemas))
  const named: Schema | undefined = schemas[$ref?.replace('#/components/schemas/', '') ?? '']
  return [...(named?.examples ?? examples)]
}

/** The components that something refers to, directly or through another component. */
function onlyUsed(components: Components, root: unknown): Components {
  const used = new Set(referencesIn(root))
  for (const reference of used) {
    const [, , kind = '', name = ''] = reference.split('/')
    for (const next of referencesIn(components[kind]?.[name])) used.add(next)
  }
  const { securitySchemes = {}, ...others } = components
  return {
    securitySchemes,
    ...Object.fromEntries(
      Object.entries(others).map(([kind, ones]) => [
        kind,
        Object.fromEntries(
          Object.entries(ones).filter(([name]) => used.has(`#/components/${kind}/${name}`))
        )
      ])
    )
  }
}

function referencesIn(node: unknown): string[] {
  const found = JSON.stringify(node ?? null).matchAll(/"\$ref":"(#[^"]+)"/g)
  return [...found].map(([, reference = '']) => reference)
}
