import type { Audit, AuditEvent } from '../audit.ts'

/** So many refusals of a caller are written in a minute; of the others it is written how many there were. */
const PER_MINUTE = 20
const MINUTE_MS = 60_000
const TARGETS = 5

/**
 * Refusals are the lines that anybody can cause, as fast as calls can be made: without a limit they fill the disk, and
 * then nothing can be undone. What was left out is told before the next line that is written after its minute.
 */
export function sparing(audit: Audit, clock: () => number): Audit {
  const minutes = new Map<string, { minute: number; written: number; omitted: number }>()

  async function tellOmitted(minute: number): Promise<void> {
    for (const [principal, earlier] of minutes) {
      if (earlier.minute === minute) continue
      minutes.delete(principal)
      if (earlier.omitted === 0) continue
      const at = new Date(earlier.minute * MINUTE_MS).toISOString().slice(0, 16)
      await audit.append({
        event: 'refused',
        principal,
        outcome: `${earlier.omitted} more in the minute of ${at}Z`,
      })
    }
  }

  return {
    async append(event) {
      const minute = Math.floor(clock() / MINUTE_MS)
      await tellOmitted(minute)
      if (event.event !== 'refused') return audit.append(event)
      const { written, omitted } = minutes.get(event.principal) ?? { written: 0, omitted: 0 }
      const spare = written >= PER_MINUTE
      minutes.set(event.principal, {
        minute,
        written: written + Number(!spare),
        omitted: omitted + Number(spare),
      })
      if (!spare) await audit.append(withFewTargets(event))
    },
  }
}

/** What is refused was not touched: which it was says little, and may be invented. */
function withFewTargets(event: AuditEvent): AuditEvent {
  const { targets = [] } = event
  if (targets.length <= TARGETS) return event
  return { ...event, targets: targets.slice(0, TARGETS), targets_omitted: targets.length - TARGETS }
}
