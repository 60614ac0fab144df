// `graph`: programs in the order of their starting, for people and as Mermaid. Pure.

import type { Graph, GraphNode } from '../src/api/contract.ts'
import { clean, columns, type Paint } from './format.ts'
import { stateStyle } from './status-table.ts'

/** A line a program behind the number of its wave, then a line a group. */
export function graphLines({ waves }: Graph, paint: Paint): string[] {
  if (waves.length === 0) return ['no programs']
  const rows = waves.flatMap((wave, at) =>
    wave.map((node, first) => {
      const needs = node.dependsOn.map(dependencyWords).join(', ')
      const after = needs === '' ? '' : `after ${clean(needs)}`
      const state = paint(stateStyle(node.state, true), node.state)
      return [first === 0 ? String(at + 1) : '', clean(node.program), state, after]
    }),
  )
  return [...columns(rows), ...groupLines(waves.flat())]
}

/** `ready` is what a bare name means. */
function dependencyWords({ program, condition }: GraphNode['dependsOn'][number]): string {
  return condition === 'ready' ? program : `${program}:${condition}`
}

function groupLines(nodes: readonly GraphNode[]): string[] {
  const groups = groupsOf(nodes)
  return groups.size === 0
    ? []
    : ['', ...[...groups].map(([name, members]) => clean(`${name} = ${members.join(', ')}`))]
}

function groupsOf(nodes: readonly GraphNode[]): Map<string, string[]> {
  const groups = new Map<string, string[]>()
  for (const { program, groups: its } of nodes) {
    for (const group of its) groups.set(group, [...(groups.get(group) ?? []), program])
  }
  return groups
}

/** Arrows point from what is needed to who needs it. A program of several groups stands in the first. */
export function mermaid({ waves }: Graph): string[] {
  const nodes = waves.flat()
  const ids = new Map(nodes.map(({ program }, at) => [program, `p${at}`]))
  const box = ({ program }: GraphNode): string => `${ids.get(program)}["${clean(program)}"]`
  const inGroup = new Map([...groupsOf(nodes)].map(([name]) => [name, nodes.filter((n) => n.groups[0] === name)]))
  const boxes = [...inGroup].flatMap(([name, members], at) =>
    members.length === 0
      ? []
      : [`  subgraph g${at}["${clean(name)}"]`, ...members.map((node) => `    ${box(node)}`), '  end'],
  )
  const alone = nodes.filter((node) => node.groups.length === 0).map((node) => `  ${box(node)}`)
  const arrows = nodes.flatMap((node) =>
    node.dependsOn
      .filter(({ program }) => ids.has(program))
      .map(({ program, condition }) => `  ${ids.get(program)} -->|${condition}| ${ids.get(node.program)}`),
  )
  return ['flowchart LR', ...alone, ...boxes, ...arrows]
}
