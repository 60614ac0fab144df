// Who comes before whom: the graph that `depends_on` draws over programs. Pure, and knows names only.

import type { Dependency } from './spec.ts'

interface Node {
  readonly dependsOn: readonly Dependency[]
}

/** A program by its name; names that are not in it are nobody's. */
export type Graph = ReadonlyMap<string, Node>

export const graphOf = (programs: ReadonlyMap<string, { readonly spec: Node }>): Graph =>
  new Map([...programs].map(([name, { spec }]) => [name, spec]))

/** Programs that must be there before it, of those in the graph. */
export function needsOf(name: string, graph: Graph): string[] {
  const names = (graph.get(name)?.dependsOn ?? []).map(({ program }) => program)
  return [...new Set(names)].filter((one) => graph.has(one))
}

/** Programs that depend on it. */
export function dependentsOf(name: string, graph: Graph): string[] {
  return [...graph].filter(([, node]) => node.dependsOn.some((one) => one.program === name)).map(([one]) => one)
}

/** A circle, as `a, b, a`; null = there is none. */
export function circleIn(graph: Graph): string[] | null {
  const { rest } = sortOut(graph)
  const [first] = rest
  if (first === undefined) return null
  // What could not be placed needs something that could not be placed either: going there, it comes round.
  const trail = [first]
  for (let name = first; ; ) {
    name = needsOf(name, graph).find((one) => rest.has(one)) ?? first
    const at = trail.indexOf(name)
    trail.push(name)
    if (at >= 0) return trail.slice(at)
  }
}

/**
 * Waves of programs: each depends on earlier waves only, and stands as early as it may. What is in a circle, which no
 * configuration has, comes last, together.
 */
export function wavesOf(graph: Graph): string[][] {
  const { waves, rest } = sortOut(graph)
  return rest.size > 0 ? [...waves, [...rest]] : waves
}

/** The waves, and what is in a circle or needs one that is. In the order of the graph. */
function sortOut(graph: Graph): { readonly waves: string[][]; readonly rest: ReadonlySet<string> } {
  const missing = new Map([...graph.keys()].map((name) => [name, needsOf(name, graph).length]))
  const dependents = new Map<string, string[]>()
  for (const name of graph.keys()) {
    for (const one of needsOf(name, graph)) dependents.set(one, [...(dependents.get(one) ?? []), name])
  }
  const place = new Map([...graph.keys()].map((name, at) => [name, at]))
  const inOrder = (a: string, b: string): number => (place.get(a) ?? 0) - (place.get(b) ?? 0)
  const waves: string[][] = []
  let wave = [...graph.keys()].filter((name) => missing.get(name) === 0)
  while (wave.length > 0) {
    waves.push(wave)
    const next: string[] = []
    for (const name of wave) {
      missing.delete(name)
      for (const one of dependents.get(name) ?? []) {
        const left = (missing.get(one) ?? 0) - 1
        missing.set(one, left)
        if (left === 0) next.push(one)
      }
    }
    wave = next.sort(inOrder)
  }
  return { waves, rest: new Set(missing.keys()) }
}

/** All that these need, and what that needs, they themselves left out; dependencies first. */
export function allNeedsOf(names: readonly string[], graph: Graph): string[] {
  const found = new Set(names)
  for (const name of found) for (const one of needsOf(name, graph)) found.add(one) // grows while it is walked
  for (const name of names) found.delete(name)
  return wavesOf(graph)
    .flat()
    .filter((name) => found.has(name))
}
