// Following a stream until it ends or somebody has had enough: SIGINT and SIGTERM end it in order, so
// that Ctrl-C is a good end of `logs -f` and `events`, and not a failure.

/** Calls `each` for every item. `interrupted` = a signal ended it, and not the stream itself. */
export async function follow<Item>(
  stream: AsyncIterable<Item>,
  each: (item: Item) => void,
): Promise<'ended' | 'interrupted'> {
  const items = stream[Symbol.asyncIterator]()
  let interrupted = false
  const stop = (): void => {
    interrupted = true
    void items.return?.()
  }
  process.once('SIGINT', stop).once('SIGTERM', stop)
  try {
    for (;;) {
      const { done, value } = await items.next()
      if (done === true || interrupted) return interrupted ? 'interrupted' : 'ended'
      each(value)
    }
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
}
