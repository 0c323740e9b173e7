import { describe, expect, test, vi } from 'vitest'
import { type Answer, CLIENTS } from '../support/clients.ts'
import { problem } from '../support/confirm.ts'
import { differences, picture } from '../support/oracle.ts'
import { sandbox } from '../support/sandbox.ts'
import { damage, makeWorkspace } from '../support/workspace.ts'

/** Fills in the form as a person would who agrees: ticks every box, types what the question asks for. */
function accept(message: string, schema: Record<string, unknown>): Answer {
  const properties = (schema.properties ?? {}) as Record<string, { type: string }>
  const content = Object.fromEntries(
    Object.entries(properties).map(([key, { type }]) => [key, type === 'boolean' ? true : message]),
  )
  return { action: 'accept', content }
}

describe.each(CLIENTS)('a person behind the %s client', (kind) => {
  test('is asked in plain words before a restore, and yes runs it without a token', async () => {
    const box = sandbox()
    makeWorkspace(box.root)
    const person = vi.fn(accept)
    const client = await box.open(kind, { person })
    const good = picture(box.root)
    const { snapshot } = await client.call('snapshot_create', { name: 'good' })
    damage(box.root)

    const restored = await client.call('snapshot_restore', { snapshot: snapshot.id })
    expect(restored.status).toBe('done')
    expect(differences(good, picture(box.root))).toEqual([])
    expect(person).toHaveBeenCalledOnce()
    expect(person.mock.calls[0]![0]).toContain('good')
  })

  test.each(['decline', 'cancel'] as const)('%s leaves everything as it is', async (action) => {
    const box = sandbox()
    makeWorkspace(box.root)
    const person = vi.fn(() => ({ action }))
    const client = await box.open(kind, { person })
    const { snapshot } = await client.call('snapshot_create')
    damage(box.root)
    const broken = picture(box.root)

    const refused = await problem(client, 'snapshot_restore', { snapshot: snapshot.id })
    expect(refused).toMatchObject({ code: 'APPROVAL_DECLINED', outcome: 'not_started', retryable: false })
    expect((await problem(client, 'snapshot_delete', { snapshots: [snapshot.id] })).code).toBe(
      'APPROVAL_DECLINED',
    )
    expect(person).toHaveBeenCalledTimes(2)
    expect(differences(broken, picture(box.root))).toEqual([])
    expect((await client.call('snapshot_list')).items).toHaveLength(1)
  })

  test('an accepted form with the box left empty is not a yes', async () => {
    const box = sandbox()
    makeWorkspace(box.root)
    const client = await box.open(kind, { person: () => ({ action: 'accept', content: {} }) })
    const { snapshot } = await client.call('snapshot_create')
    damage(box.root)
    const broken = picture(box.root)

    await expect(client.call('snapshot_restore', { snapshot: snapshot.id })).rejects.toThrow()
    expect(differences(broken, picture(box.root))).toEqual([])
  })
})
