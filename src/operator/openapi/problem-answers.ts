import { schemas } from '../../schemas/validate.ts'
import { PROBLEM_TYPE, problemText, PROBLEMS, type ProblemCode, TITLES } from '../problem.ts'
import { PROBLEM_MEANINGS } from './problem-meanings.ts'

const PROBLEM_SCHEMA = { $ref: '#/components/schemas/Problem' }

const RETRY_AFTER = {
  'Retry-After': { description: 'Seconds to wait', schema: { type: 'integer', minimum: 0 } }
}
const HEADERS: ReadonlyMap<ProblemCode, object> = new Map<ProblemCode, object>([
  ['unknown-token', { 'WWW-Authenticate': { schema: { type: 'string', enum: ['Bearer'] } } }],
  ['too-many-calls', RETRY_AFTER],
  ['unavailable', RETRY_AFTER]
])

/** The answers that are problems, by status: one with a single code refers to the component of that code. */
export function problemAnswers(codes: readonly ProblemCode[]): Record<string, object> {
  const byStatus = Map.groupBy(codes, (code) => PROBLEMS[code])
  return Object.fromEntries([...byStatus].map(([status, ones]) => [status, answerOf(ones)]))
}

/** A component for each code. */
export function problemComponents(): Record<string, object> {
  const codes = Object.keys(PROBLEMS) as ProblemCode[]
  return Object.fromEntries(codes.map((code) => [componentOf(code), documented([code])]))
}

function componentOf(code: ProblemCode): string {
  return code.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())
}

function answerOf(codes: readonly ProblemCode[]): object {
  const [first, ...others] = codes
  if (first !== undefined && others.length === 0)
    return { $ref: `#/components/responses/${componentOf(first)}` }
  return documented(codes)
}

function documented(codes: readonly ProblemCode[]): object {
  const [first] = codes
  const title = first === undefined ? '' : TITLES[PROBLEMS[first]]
  const lines = codes.map((code) => `- \`${code}\`: ${PROBLEM_MEANINGS[code]}`)
  const headers = codes.map((code) => HEADERS.get(code)).find((one) => one !== undefined)
  return {
    description: `${title}\n\n${lines.join('\n')}`,
    ...(headers === undefined ? {} : { headers }),
    content: { [PROBLEM_TYPE]: { schema: PROBLEM_SCHEMA, examples: examplesOf(codes) } }
  }
}

function examplesOf(codes: readonly ProblemCode[]): Record<string, { value: unknown }> {
  return Object.fromEntries(codes.map((code) => [code, { value: exampleOf(code) }]))
}

function exampleOf(code: ProblemCode): unknown {
  const examples = (schemas.get('problem')?.['examples'] ?? []) as readonly { code: string }[]
  const example: unknown = JSON.parse(problemText(code, PROBLEM_MEANINGS[code]))
  return examples.find((one) => one.code === code) ?? example
}
