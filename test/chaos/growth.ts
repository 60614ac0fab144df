// How much a master has grown, between moments at which it had the same to do: nobody printed, every program stood at
// its base. Descriptors are compared with the first master's; memory with the same master's own, once it is warm: the
// heap of a young one tells nothing. Pure.

export interface Sample {
  /** Which program it was. */
  readonly master: number
  /** Descriptors, but for those that the load explains: pipes, logs, watched processes. */
  readonly descriptors: number
  readonly residentBytes: number
}

export interface Growth {
  /** The most that was more. */
  readonly descriptors: number
  /** null = no master has lived long enough. */
  readonly residentBytes: number | null
  readonly fault: string | null
}

/** Samples of a master until it is warm; what it is compared with is the most of the later half of them. */
const WARM = 12
const SHARE = 0.05
/** What V8 does with its heap is no growth. */
const SLACK_BYTES = 24 * 1024 * 1024
const SLACK_DESCRIPTORS = 2

/** Of the samples in the order in which they were taken. */
export function growthOf(samples: readonly Sample[]): Growth {
  const first = samples[0]?.descriptors ?? 0
  const most = Math.max(0, ...samples.map((one) => one.descriptors - first))
  const masters = new Set(samples.map((one) => one.master))
  const grown = [...masters].flatMap((master) => {
    const own = samples.filter((one) => one.master === master).map((one) => one.residentBytes)
    const warm = Math.max(...own.slice(WARM / 2, WARM))
    return own.slice(WARM).map((bytes) => ({ warm, more: bytes - warm }))
  })
  const fat = grown.find(({ warm, more }) => more > SLACK_BYTES + SHARE * warm)
  return {
    descriptors: most,
    residentBytes: grown.length === 0 ? null : Math.max(...grown.map(({ more }) => more)),
    fault:
      most > SLACK_DESCRIPTORS + SHARE * first
        ? `${first + most} descriptors, and ${first} at first`
        : fat
          ? `${megabytes(fat.warm + fat.more)} MB resident, and ${megabytes(fat.warm)} MB when it was warm`
          : null,
  }
}

export const megabytes = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1)
