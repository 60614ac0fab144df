// How many bytes have been taken of each program's output, for whoever counts them.

export type Label = 'stdout' | 'stderr'

export interface Captured {
  /** What counts bytes of one stream. */
  counter(program: string, label: Label): (bytes: number) => void
  /** So far, by stream; none where nothing was opened. */
  of(program: string): readonly (readonly [label: Label, bytes: number])[]
}

export function capturedBytes(): Captured {
  const counts = new Map<string, Map<Label, number>>()
  return {
    counter(program, label) {
      const own = counts.get(program) ?? new Map<Label, number>()
      counts.set(program, own)
      own.set(label, own.get(label) ?? 0)
      return (bytes) => own.set(label, (own.get(label) ?? 0) + bytes)
    },
    of: (program) => [...(counts.get(program) ?? [])],
  }
}
