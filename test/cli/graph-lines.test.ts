// `graph` as people and Mermaid see it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { graphLines, mermaid } from '../../cli/graph-lines.ts'
import type { Graph, GraphNode } from '../../src/api/contract.ts'

const node = (program: string, needs: readonly string[] = [], groups: readonly string[] = []): GraphNode => ({
  program,
  state: 'RUNNING',
  priority: 999,
  groups,
  dependsOn: needs.map((one) => ({ program: one.split(':')[0] ?? '', condition: one.split(':')[1] ?? 'ready' })),
})
const graph: Graph = {
  waves: [[node('db', [], ['back', 'all-data']), node('cache')], [node('api', ['db', 'nobody:started'], ['back'])]],
}
const plain = (_style: unknown, text: string): string => text

test('a line a program, behind the number of its wave; then the groups', () => {
  assert.deepEqual(graphLines(graph, plain), [
    '1  db     RUNNING',
    '   cache  RUNNING',
    '2  api    RUNNING  after db, nobody:started',
    '',
    'back = db, api',
    'all-data = db',
  ])
  assert.deepEqual(graphLines({ waves: [] }, plain), ['no programs'])
})

test('Mermaid: a box a program, in the first of its groups; arrows to who waits', () => {
  assert.deepEqual(mermaid(graph), [
    'flowchart LR',
    '  p1["cache"]',
    '  subgraph g0["back"]',
    '    p0["db"]',
    '    p2["api"]',
    '  end',
    '  p0 -->|ready| p2',
  ])
})
