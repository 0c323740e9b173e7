import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { context, workbench } from './support.ts'

test('pages of sources end, whatever their names are written in', async () => {
  const box = workbench()
  const roots = ['plain', '\u00e4', '\u65e5\u672c', '\u65e5\u65e6', '\u4e2d', '\ud83d\ude80'].map((name) =>
    join(box.dir, name),
  )
  for (const root of roots) mkdirSync(root)
  const provider = box.open({ roots })
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const page = await provider.sources({ limit: 1, ...(cursor !== undefined && { cursor }) }, context())
    seen.push(...page.items.map(({ id }) => id))
    cursor = page.next
  } while (cursor !== undefined && seen.length <= roots.length)
  expect(seen.sort()).toEqual(roots.sort())
})
