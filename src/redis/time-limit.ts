/** Rejects with the error of `late` where the promise has not settled within the limit. Its work is not cancelled. */
export function within<T>(limitMs: number, promise: Promise<T>, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), limitMs)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
