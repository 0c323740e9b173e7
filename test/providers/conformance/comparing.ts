import { expect } from 'vitest'
import { Change, type Snapshot } from '../../../src/snapshots/model.ts'
import type { DiffResult } from '../../../src/snapshots/provider.ts'
import { type Check, context, everything, native, type Subject, save } from './subject.ts'

const can = (s: Subject) => s.provider.capabilities.diff

async function diff(s: Subject, from: Snapshot, to?: Snapshot, limit = 1000): Promise<DiffResult> {
  const request = { from: native(from), limit, content: false, ...(to && { to: native(to) }) }
  const first = (await s.provider.diff?.(request, context())) as DiffResult
  const changes = [...first.changes]
  for (let cursor = first.next; cursor !== undefined; ) {
    const page = (await s.provider.diff?.({ ...request, cursor }, context())) as DiffResult
    expect(page.summary).toEqual(first.summary)
    expect(page.changes.length).toBeGreaterThan(0)
    changes.push(...page.changes)
    cursor = page.next
  }
  return { summary: first.summary, changes }
}

const kinds = ({ changes }: DiffResult) => new Map(changes.map(({ path, kind }) => [path, kind]))
const opposite = { added: 'removed', removed: 'added', modified: 'modified' } as const

export const comparing: Check[] = [
  {
    name: 'a diff lists exactly what differs, and its summary counts that',
    needs: can,
    async run(s) {
      const saved = await save(s)
      expect(await diff(s, saved)).toEqual({
        summary: { added: 0, removed: 0, modified: 0, bytes: 0 },
        changes: [],
      })
      const expected = s.mutate()
      const before = await everything(s)
      const found = await diff(s, saved)
      for (const change of found.changes) expect(Change.parse(change)).toEqual(change)
      expect(kinds(found)).toEqual(expected)
      const count = (kind: string) => found.changes.filter((change) => change.kind === kind).length
      expect(found.summary).toMatchObject({
        added: count('added'),
        removed: count('removed'),
        modified: count('modified'),
      })
      expect(await everything(s)).toEqual(before)
      for (const limit of [1, 2, 3]) expect(await diff(s, saved, undefined, limit)).toEqual(found)
    },
  },
  {
    name: 'a diff of two snapshots does not look at the source, and reads the same backwards',
    needs: can,
    async run(s) {
      const older = await save(s)
      const expected = s.mutate()
      const younger = await save(s)
      s.mutate()
      expect(kinds(await diff(s, older, younger))).toEqual(expected)
      const backwards = new Map([...expected].map(([path, kind]) => [path, opposite[kind]]))
      expect(kinds(await diff(s, younger, older))).toEqual(backwards)
      expect((await diff(s, younger, younger)).changes).toEqual([])
    },
  },
]
