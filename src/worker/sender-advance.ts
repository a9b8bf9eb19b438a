import { type Advance, type AdvanceDeps, type Advanced, createAdvance } from '../ledger/advance.ts'

/**
 * Makes the `advance` of the sender. A callback can come before the answer to its POST, and whichever handler is first
 * applies it. Its result is published by the handler of its own job alone.
 */
export function createSenderAdvance(deps: AdvanceDeps): Advance {
  return createAdvance(deps, { isLeft: hasJobOfItsOwn })
}

function hasJobOfItsOwn({ after, applied }: Pick<Advanced, 'after' | 'applied'>): boolean {
  const isCallback = ({ httpStatus }: Advanced['applied'][number]) => httpStatus === null
  return applied.some((one) => one.id === after.response?.body && isCallback(one))
}
