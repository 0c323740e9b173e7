import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { SnapshotError } from '../../src/snapshots/errors.ts'
import type { Snapshot } from '../../src/snapshots/model.ts'
import type { Provider } from '../../src/snapshots/provider.ts'
import { differences, type Picture, picture } from '../../test/support/oracle.ts'
import { context, native } from './calls.ts'

/** Restores a snapshot beside the sources and compares every byte. One in the trash is taken out for it. */
export async function compareCopy(
  out: string,
  provider: Provider,
  item: Snapshot,
  expected: Picture,
): Promise<string[]> {
  const to = join(out, `check-${native(item)}`)
  try {
    if (item.state === 'trashed') await provider.undelete?.([native(item)], context())
    const plan = await provider.planRestore({ snapshot: native(item), mode: 'new', to, count: 1 }, context())
    await provider.restore(plan, context())
    return differences(expected, picture(to)).slice(0, 3)
  } catch (error) {
    return [`cannot be restored: ${explain(error)}`]
  } finally {
    rmSync(to, { recursive: true, force: true })
  }
}

/** Some differences in one line. */
export function sample(lines: string[]): string {
  // A time that is off mostly follows from something else.
  const [first] = [...lines].sort((a, b) => Number(a.includes(': mtime ')) - Number(b.includes(': mtime ')))
  return `${first}${lines.length > 1 ? `; and ${lines.length - 1} more` : ''}`
}

export function explain(error: unknown): string {
  return error instanceof SnapshotError ? `${error.code}: ${error.message}` : String(error)
}
