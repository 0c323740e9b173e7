import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { verifyAudit } from '../../../src/guard/audit/verify.ts'
import { type AuditEvent, type AuditOptions, createAudit } from '../../../src/guard/audit.ts'
import { createFileStore } from '../../../src/state/file-store.ts'
import { NOON, temporaryDirectory } from '../../snapshots/world.ts'

/** A log on the real disk, at noon until the clock is moved. */
export function createLog(options: Partial<AuditOptions> = {}) {
  const home = temporaryDirectory()
  const directory = join(home, 'audit')
  const time = { now: NOON }
  const clock = () => time.now
  const { lock } = createFileStore({ directory: join(home, 'state'), clock })
  const audit = createAudit({ directory, lock, clock, ...options })
  const names = () => readdirSync(directory).filter((name) => name.endsWith('.jsonl'))
  const text = () => names().map((name) => readFileSync(join(directory, name), 'utf8'))
  return {
    home,
    directory,
    time,
    lock,
    audit,
    path: (name = names().at(-1) ?? '') => join(directory, name),
    /** Of the segments, in their order. */
    names,
    /** Of all segments, without the empty end. */
    lines: () => text().flatMap((each) => each.split('\n').slice(0, -1)),
    entries: () =>
      text().flatMap((each) =>
        each
          .split('\n')
          .slice(0, -1)
          .map((line) => JSON.parse(line)),
      ),
    verify: () => verifyAudit(directory),
    async append(count: number, fields: Partial<AuditEvent> = {}) {
      for (let n = 0; n < count; n++) await audit.append(event(fields))
    },
  }
}
export type TestLog = ReturnType<typeof createLog>

export const event = (fields: Partial<AuditEvent> = {}): AuditEvent => ({
  event: 'allowed',
  principal: 'ann',
  ...fields,
})
