// A strict reader of the text formats of metrics: it throws at whatever a scraper might stumble over.
// https://prometheus.io/docs/instrumenting/exposition_formats, https://prometheus.io/docs/specs/om/open_metrics_spec

export interface MetricsRead {
  readonly families: ReadonlyMap<string, FamilyRead>
  /** The one sample of that name and these labels; throws where there is none. */
  value(name: string, labels?: Readonly<Record<string, string>>): number
}

export interface FamilyRead {
  readonly type: string
  readonly help: string
  readonly samples: readonly SampleRead[]
}

export interface SampleRead {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{([^\n]*)\})? (\S+)$/
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/

export function readMetrics(text: string, form: 'prometheus' | 'openmetrics' = 'prometheus'): MetricsRead {
  const isOpen = form === 'openmetrics'
  const lines = text.split('\n')
  if (lines.pop() !== '') throw new Error('the last line has no end')
  if (isOpen && lines.pop() !== '# EOF') throw new Error('the end is not said')
  const families = new Map<string, { type: string; help: string; samples: SampleRead[] }>()
  const seen = new Set<string>()
  let helped: string | null = null
  let current: string | null = null
  for (const line of lines) {
    const fail = (why: string): never => {
      throw new Error(`${why}: ${JSON.stringify(line)}`)
    }
    const [, help, about, words = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? []
    if (help === 'HELP') {
      if (!NAME.test(about ?? '') || families.has(about ?? '')) fail('no name, or one that was there before')
      if (!/^(?:[^\\]|\\[\\n])+$/.test(words)) fail('no help')
      helped = about ?? ''
      families.set(helped, { type: '', help: words, samples: [] })
    } else if (help === 'TYPE') {
      const family = families.get(about ?? '')
      if (about !== helped || !family) fail('not the family that has just been told of')
      else family.type = words
      const isTotal = about?.endsWith('_total') === true
      if (!['gauge', 'counter'].includes(words)) fail('no type that we have')
      if (words === 'counter' && isOpen === isTotal) fail('a counter must end in _total')
      if (words === 'gauge' && isTotal) fail('a gauge must not look like a counter')
      current = about ?? ''
      helped = null
    } else {
      const [, name = '', inner, number = ''] = SAMPLE.exec(line) ?? fail('no sample')
      const family = families.get(current ?? '')
      const expected = isOpen && family?.type === 'counter' ? `${current}_total` : current
      if (!family || name !== expected || helped !== null) return fail('outside its family')
      const labels = labelsIn(inner ?? '', fail)
      const key = JSON.stringify([name, sorted(labels)])
      if (seen.has(key)) fail('twice')
      seen.add(key)
      const value = Number(number)
      if (!/^[+-]?\d/.test(number) || Number.isNaN(value)) fail('no number')
      if (family.type === 'counter' && value < 0) fail('a counter below 0')
      family.samples.push({ name, labels, value })
    }
  }
  return {
    families,
    value(name, labels = {}) {
      const want = JSON.stringify(sorted(labels))
      for (const { samples } of families.values()) {
        const found = samples.find((one) => one.name === name && JSON.stringify(sorted(one.labels)) === want)
        if (found) return found.value
      }
      throw new Error(`no sample ${name}${want}`)
    },
  }
}

const sorted = (labels: Readonly<Record<string, string>>): unknown =>
  Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))

function labelsIn(inner: string, fail: (why: string) => never): Record<string, string> {
  const labels: Record<string, string> = {}
  for (let rest = inner; rest !== ''; ) {
    const [all, name = '', value = ''] = LABEL.exec(rest) ?? fail('bad labels')
    if (name in labels) fail('a label twice')
    labels[name] = value.replaceAll(/\\(.)/g, (_all, one: string) => (one === 'n' ? '\n' : one))
    rest = rest.slice(all.length)
  }
  return labels
}
