/** Rejects with the error of `late` where the promise has not settled within the limit. Its work is not cancelled. */
export async function within<T>(
  limitMs: number,
  promise: Promise<T>,
  late: () => Error
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(late()), limitMs)
  })
  try {
    return await Promise.race([promise, tooLate])
  } finally {
    clearTimeout(timer)
  }
}
