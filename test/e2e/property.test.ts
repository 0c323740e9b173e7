import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { TestClient } from '../support/clients.ts'
import { confirmed } from '../support/confirm.ts'
import { apply, edits } from '../support/edits.ts'
import { changesBetween, differences, picture } from '../support/oracle.ts'
import { remove, sandbox } from '../support/sandbox.ts'
import { build, tree } from '../support/trees.ts'

/** Runs the body on many generated trees, each in its own directory of one sandbox. */
async function forAnyTree(
  runs: number,
  body: (client: TestClient, root: string, edited: () => void) => Promise<void>,
): Promise<void> {
  const box = sandbox()
  const client = await box.open()
  let run = 0
  const property = fc.asyncProperty(tree, edits, async (generated, changes) => {
    const root = join(box.root, `run-${run++}`)
    mkdirSync(root)
    try {
      build(root, generated)
      await body(client, root, () => apply(root, changes))
    } finally {
      remove(root)
    }
  })
  // A failure prints its seed and path: put them here to see it again.
  await fc.assert(property, { numRuns: runs, interruptAfterTimeLimit: 60_000 })
}

test('any tree survives any edits: restored in place, and undone', { timeout: 120_000 }, () =>
  forAnyTree(25, async (client, root, edit) => {
    const before = picture(root)
    const { snapshot } = await client.call('snapshot_create', { source: `path:${root}` })
    edit()
    const after = picture(root)
    const restored = await confirmed(client, 'snapshot_restore', { snapshot: snapshot.id })
    expect(differences(before, picture(root))).toEqual([])
    // Where the edits came to nothing there was nothing to restore, and there is nothing to undo.
    if (restored.undo) await client.call('snapshot_undo', { operation: restored.undo.operation })
    expect(differences(after, picture(root))).toEqual([])
  }),
)

test('any tree survives in a new directory', { timeout: 120_000 }, () =>
  forAnyTree(15, async (client, root) => {
    const { snapshot } = await client.call('snapshot_create', { source: `path:${root}` })
    await client.call('snapshot_restore', { snapshot: snapshot.id, mode: 'new', to: `${root}-copy` })
    expect(differences(picture(root), picture(`${root}-copy`))).toEqual([])
  }),
)

test('a diff lists exactly what two independent looks at the directory differ in', { timeout: 120_000 }, () =>
  forAnyTree(25, async (client, root, edit) => {
    const before = picture(root)
    const { snapshot } = await client.call('snapshot_create', { source: `path:${root}` })
    edit()
    const { changes } = await client.call('snapshot_diff', { from: snapshot.id, limit: 1000 })
    const reported = changes.map(({ kind, path, bytes }) => [
      Buffer.from(bytes ?? path, bytes ? 'base64' : 'utf8').toString('latin1'),
      kind,
    ])
    expect(new Map(reported as [string, string][])).toEqual(changesBetween(before, picture(root)))
  }),
)
