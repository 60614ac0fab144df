// Metrics as text: the format of Prometheus 0.0.4, or OpenMetrics for who asks for it. The only user of prom-client,
// and loaded with the first scrape. A registry lives for one family of one scrape: what is counted is kept elsewhere.

import Counter from 'prom-client/lib/counter.js'
import Gauge from 'prom-client/lib/gauge.js'
import Registry from 'prom-client/lib/registry.js'

export interface Family {
  readonly name: string
  readonly kind: 'gauge' | 'counter'
  readonly help: string
  readonly labels: readonly string[]
}

/** Values of the labels, in their order, and the number. */
export type Sample = readonly [labels: readonly (string | number)[], value: number]

export interface Printer {
  readonly type: string
  family(family: Family, samples: Iterable<Sample>): Promise<string>
  readonly end: string
}

const END = '# EOF\n'

/** Its types know one form for each registry. */
interface Switched {
  setContentType(type: string): void
}

export function printerFor(accept = ''): Printer {
  const isOpen = wantsOpenMetrics(accept)
  const type = isOpen ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE
  return {
    type,
    async family({ name, kind, help, labels }, samples) {
      const registry = new Registry()
      if (isOpen) (registry as Switched).setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
      const shape = { name, help, labelNames: [...labels], registers: [registry] }
      const metric = kind === 'counter' ? new Counter(shape) : new Gauge(shape)
      for (const [values, value] of samples)
        metric.inc(Object.fromEntries(labels.map((label, at) => [label, values[at] ?? ''])), value)
      const text = await registry.metrics()
      return isOpen ? text.slice(0, -END.length) : text
    },
    end: isOpen ? END : '',
  }
}

/** The better liked of the two; the older form where nothing is said of either. */
function wantsOpenMetrics(accept: string): boolean {
  const liked = (type: RegExp): number =>
    Math.max(
      0,
      ...accept.split(',').flatMap((one) => {
        const [name = '', ...facts] = one.split(';').map((part) => part.trim().toLowerCase())
        if (!type.test(name)) return []
        const q = Number(facts.find((fact) => fact.startsWith('q='))?.slice(2) ?? 1)
        return Number.isFinite(q) ? q : 0
      }),
    )
  const open = liked(/^application\/openmetrics-text$/)
  return open > 0 && open >= liked(/^text\/(?:plain|\*)$/)
}
