import { fail } from '../snapshots/errors.ts'

export function busy(wait_ms: number) {
  return fail(
    'BUSY',
    `Another operation works on the same target and did not end within ${Math.round(wait_ms / 1000)} s. Nothing was changed.`,
    'Wait for it (snapshot_status shows what is running), then make the same call again.',
    { retry_after_ms: 2000 },
  )
}

export function cancelled() {
  return fail(
    'CANCELLED',
    'Cancelled while waiting for another operation on the same target. Nothing was changed.',
    'Make the call again when it is wanted.',
  )
}
