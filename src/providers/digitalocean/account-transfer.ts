import { fail } from '../../snapshots/errors.ts'
import { quotedName } from '../../snapshots/plain.ts'
import type { CloudOptions } from '../cloud.ts'
import type { CallContext } from '../http/exchange.ts'
import { connect } from './connect.ts'
import { imageId, isOfVolume, isUuid, snapshotId } from './ids.ts'

/**
 * Hands the snapshot of a Droplet over to another account: it leaves this one as soon as the other one accepts. For an
 * operator's command only, for there is no way back.
 */
export interface AccountTransfer {
  /** To the e-mail address of a person or the UUID of a team. Says whether it was accepted at once. */
  offer(snapshot: string, to: string, ctx: CallContext): Promise<{ transfer: number; accepted: boolean }>
  /** Takes an image that was offered, into the team with this UUID. */
  accept(image: number, transfer: number, recipientUuid: string, ctx: CallContext): Promise<void>
  /** Refuses an image that was offered. */
  decline(image: number, transfer: number, ctx: CallContext): Promise<void>
  /** Takes an offer back that nobody has accepted yet. */
  cancel(image: number, transfer: number, ctx: CallContext): Promise<void>
  close(): Promise<void>
}

export function createAccountTransfer(options: CloudOptions): AccountTransfer {
  const api = connect(options)
  return {
    async offer(snapshot, to, ctx) {
      const recipient = recipientOf(to)
      const found = await api.snapshot(snapshotId(snapshot), ctx)
      if (isOfVolume(found))
        throw fail(
          'UNSUPPORTED',
          'The snapshot of a volume cannot be given to another account. Nothing was changed.',
          'Copy what is on the volume over the network instead.',
        )
      const transfer = await api.offerImage(imageId(found), recipient, ctx)
      return { transfer, accepted: transfer === 0 }
    },
    async accept(image, transfer_id, recipient_uuid, ctx) {
      if (!isUuid(recipient_uuid)) throw noRecipient(recipient_uuid, 'the UUID of a team')
      await api.stepTransfer(image, 'accept', { transfer_id, recipient_uuid }, ctx)
    },
    decline: (image, transfer_id, ctx) => api.stepTransfer(image, 'decline', { transfer_id }, ctx),
    cancel: (image, transfer_id, ctx) => api.stepTransfer(image, 'cancel', { transfer_id }, ctx),
    close: api.close,
  }
}

function recipientOf(to: string): { recipient_email: string } | { recipient_uuid: string } {
  if (/^[^\s@]+@[^\s@]+$/.test(to)) return { recipient_email: to }
  if (isUuid(to)) return { recipient_uuid: to }
  throw noRecipient(to, 'an e-mail address or the UUID of a team')
}

const noRecipient = (to: string, what: string) =>
  fail('INVALID_ARGUMENT', `${quotedName(to, 80)} is not ${what}. Nothing was changed.`, `Give ${what}.`)
