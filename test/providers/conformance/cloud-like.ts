import { fail } from '../../../src/snapshots/errors.ts'
import type { Source } from '../../../src/snapshots/model.ts'
import type { Capabilities, Context, Provider } from '../../../src/snapshots/provider.ts'
import type { MemoryProvider } from '../../snapshots/memory-provider.ts'

/**
 * A provider in memory that is like that of a cloud: nothing can be undone, a restore makes a new box, names are few, and
 * what a dead process has begun is found by its mark.
 */
export interface CloudLike extends Provider {
  boxes: MemoryProvider['boxes']
  shelf: MemoryProvider['shelf']
  resume: NonNullable<Provider['resume']>
}

export const CLOUD: Partial<Capabilities> = {
  create: ['name'],
  names: { pattern: '[A-Za-z0-9-]+', max: 40 },
  restore_modes: ['new'],
  deletion: 'permanent',
  ...{ paths: false, diff: false, verifies: false, update: [] },
}

/** `memory` has these capabilities. */
export function cloudLike(memory: MemoryProvider): CloudLike {
  const { undelete: _, diff: __, update: ___, ...kept } = memory
  /** Boxes that restores have made, by operation. */
  const copies = new Map<string, Source>()
  const nothing = () =>
    fail('NETWORK', 'Nothing came of it. Nothing was changed.', 'Call again.', { outcome: 'not_started' })
  const cancelled = ({ signal }: Context, outcome: 'not_started' | 'unknown') => {
    if (signal.aborted) throw fail('CANCELLED', 'Cancelled.', 'Look later.', { outcome })
  }
  const begin = async (ctx: Context) => {
    cancelled(ctx, 'not_started')
    await ctx.note?.({ mark: ctx.operation })
    cancelled(ctx, 'not_started')
  }
  return {
    ...kept,
    async create(request, ctx) {
      await begin(ctx)
      const { snapshot } = await memory.create({ ...request, options: { mark: ctx.operation } }, ctx)
      await ctx.note?.({ mark: ctx.operation, snapshot: snapshot.id })
      cancelled(ctx, 'unknown')
      return { snapshot }
    },
    async planRestore(request, ctx) {
      if (request.mode === 'new') return memory.planRestore(request, ctx)
      throw fail('UNSUPPORTED', 'No box is written over. Nothing was changed.', 'Use mode:"new".')
    },
    async restore(plan, ctx) {
      await begin(ctx)
      const { targets = [], warnings } = await memory.restore(plan, ctx)
      for (const target of targets) copies.set(ctx.operation, target)
      await ctx.note?.({ mark: ctx.operation, targets })
      cancelled(ctx, 'unknown')
      return { targets, warnings }
    },
    // What somebody else has deleted is deleted.
    async delete(plan, ctx) {
      const done = await memory.delete(plan, ctx)
      const failed = done.failed.filter(({ code }) => code !== 'NOT_FOUND')
      const ids = plan.snapshots.map(({ id }) => id.slice(memory.name.length + 1))
      const deleted = ids.filter((id) => !failed.some(({ snapshot }) => snapshot === id))
      return { ...done, deleted, failed }
    },
    resume: {
      async create({ operation }) {
        const made = [...memory.shelf.values()].find(({ snapshot }) => snapshot.native.mark === operation)
        if (!made) throw nothing()
        return { snapshot: made.snapshot }
      },
      async restore({ operation }) {
        const copy = copies.get(operation)
        if (!copy) throw nothing()
        return { targets: [copy], warnings: [] }
      },
    },
  }
}
