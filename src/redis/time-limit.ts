/** Rejects with what `late` makes where the promise has not settled within so many ms; what it still does goes on. */
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
