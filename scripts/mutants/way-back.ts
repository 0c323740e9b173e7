import type { Layer } from './mutant.ts'

const TRASH = ['providers/local/trash.test.ts']
const SAFETY = ['providers/local/safety.test.ts']
const IN_PLACE = 'providers/local/restore-in-place.ts'

export const wayBack: Layer = {
  name: 'L2 way back',
  mutants: [
    {
      without: 'a restore keeps what was there before',
      file: IN_PLACE,
      find: 'return await capture(engine, directory, request, ctx)',
      instead: `const taken = await capture(engine, directory, request, ctx)
    engine.store.manifests.remove([taken.stored.id], 'snapshots')
    return taken`,
      tests: SAFETY,
      red: 'brings back what was there before',
    },
    {
      without: 'no safety snapshot, no restore',
      file: IN_PLACE,
      find: 'throw isOwnReason(error) ? error : safetyFailed(error)',
      instead: `if (isOwnReason(error)) throw error
    const { inspect } = await import('./capture.ts')
    const found = await inspect(engine, directory, request.root, request.exclude, ctx)
    return { stored: { id: '0'.repeat(32), manifest, details, trashed: false }, found }`,
      tests: SAFETY,
      red: '(G33)',
    },
    {
      without: 'only what the safety snapshot was proved to hold is replaced',
      file: IN_PLACE,
      find: 'throw safetyFailed(undefined)',
      instead: 'void 0',
      tests: SAFETY,
      red: 'cannot be read back',
    },
    {
      without: 'a safety snapshot is protected',
      file: IN_PLACE,
      find: 'protected_until: until,',
      instead: '',
      tests: TRASH,
      red: 'a safety snapshot is protected for a week',
    },
    {
      without: 'the way back is on record before the target is touched',
      file: 'snapshots/restore.ts',
      find: 'run.note(wayBack(safety_snapshot))',
      instead: 'Promise.resolve()',
      tests: ['snapshots/restore.test.ts'],
      red: 'is there for a restore that failed half way, and for one whose process died',
    },
    {
      without: 'a delete moves to the trash',
      file: 'providers/local/trash.ts',
      find: 'moveToTrash(engine, native, now)',
      instead: "engine.store.manifests.remove([native], 'snapshots')",
      tests: TRASH,
      red: 'what is in the trash is neither deleted again nor restored',
    },
    {
      without: 'what is deleted stays for its window',
      file: 'providers/local/trash.ts',
      find: 'until: isoTime(now + engine.trashWindowMs)',
      instead: 'until: isoTime(now)',
      tests: TRASH,
      red: 'it is kept for the whole window',
    },
    {
      without: 'purge leaves what can still be taken back (G32)',
      file: 'providers/local/purge.ts',
      find: 'now >= Date.parse(details.trashed.until)',
      instead: 'true',
      tests: ['cli/purge.test.ts'],
      red: 'what can still be taken back stays',
    },
    {
      without: 'a clock that is set shortens no window (G14)',
      file: 'providers/local/purge.ts',
      find: 'return time - trashed.seen >=',
      instead: 'return true || time - trashed.seen >=',
      tests: ['providers/local/upkeep.test.ts'],
      red: 'a clock that jumps ahead deletes nothing for good',
    },
    {
      without: 'an undo ends with its window',
      file: 'snapshots/undo.ts',
      find: 'clock() >= Date.parse(undo_until)',
      instead: 'false',
      tests: ['snapshots/restore.test.ts'],
      red: 'ends with its window',
    },
    {
      without: 'an undo that would take later work along is asked about',
      file: 'snapshots/undo.ts',
      find: "...(view.reversible && { confirm: 'always' })",
      instead: '',
      tests: ['snapshots/restore.test.ts'],
      red: 'shows its plan first, and the undo of it brings the work back',
    },
    {
      without: 'of two undos only one runs',
      file: 'snapshots/undo.ts',
      find: 'if (!(await env.operations.markUndone(stored, run.id)))',
      instead: 'if (false)',
      tests: ['snapshots/restore.test.ts'],
      red: 'happens once, and says by whom it was done',
    },
  ],
}
