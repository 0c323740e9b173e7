import type { Exchange } from '../http.ts'
import { refuse } from '../refusal.ts'
import type { Routes } from '../routing.ts'
import { ASSUMED } from './assumptions.ts'
import { imageOf } from './cloud.ts'
import { type Fields, fields, id } from './fields.ts'
import { ownImage } from './images.ts'
import type { Cloud, Droplet, Image, Transfer } from './model.ts'
import { badRequest, conflict, found } from './refusals.ts'

/**
 * An image changes hands: it leaves one account when the other accepts. There is only one account here, so its token
 * may also speak for the recipient of an image that it sends.
 */
export function accountTransferRoutes(cloud: Cloud): Routes {
  const settle = (transfer: Transfer, accepted: boolean) => {
    cloud.transfers.delete(transfer.id)
    if (!accepted) return { status: 204 }
    if (transfer.incoming) cloud.images.set(transfer.image.id, transfer.image)
    else cloud.images.delete(transfer.image.id)
    return { status: 201 }
  }
  return {
    'POST /v2/images/{image}/account_transfer': (x) => {
      const image = ownImage(cloud, x)
      const recipient = recipientOf(fields(x))
      if (pending(cloud, image.id)) refuse(conflict(ASSUMED.transferPending))
      // Accepted without asking: there is nothing to wait for, and no id.
      if (cloud.account.otherTeams.includes(recipient)) {
        cloud.images.delete(image.id)
        return { status: 201, body: { transfer_id: 0 } }
      }
      const transfer: Transfer = { id: cloud.nextId(), image, incoming: false, recipient }
      cloud.transfers.set(transfer.id, transfer)
      return { status: 201, body: { transfer_id: transfer.id } }
    },
    'POST /v2/images/{image}/account_transfer/accept': (x) => {
      const transfer = findTransfer(cloud, x)
      const team = fields(x).recipient_uuid
      if (typeof team !== 'string') refuse(badRequest('recipient_uuid is required'))
      // Offered to a person, it goes to any team of theirs.
      found(transfer.recipient.includes('@') || transfer.recipient === team ? transfer : undefined)
      return settle(transfer, true)
    },
    'POST /v2/images/{image}/account_transfer/decline': (x) => settle(findTransfer(cloud, x), false),
    'POST /v2/images/{image}/account_transfer/cancel': (x) => {
      const transfer = findTransfer(cloud, x)
      return settle(found(transfer.incoming ? undefined : transfer), false)
    },
  }
}

/** Somebody else offers an image to this account. */
export function offerImage(cloud: Cloud, droplet: Droplet, given: Partial<Image> = {}): Transfer {
  const image = imageOf(cloud, droplet, given)
  const transfer = { id: cloud.nextId(), image, incoming: true, recipient: cloud.account.team.uuid }
  cloud.transfers.set(transfer.id, transfer)
  return transfer
}

function recipientOf({ recipient_email, recipient_uuid }: Fields): string {
  const given = [recipient_email, recipient_uuid].filter((one) => one !== undefined)
  if (given.length !== 1 || typeof given[0] !== 'string' || given[0] === '')
    refuse(badRequest('one of recipient_email and recipient_uuid is required'))
  return given[0] as string
}

function pending(cloud: Cloud, image: number): boolean {
  return [...cloud.transfers.values()].some((transfer) => transfer.image.id === image)
}

function findTransfer(cloud: Cloud, x: Exchange): Transfer {
  const { transfer_id } = fields(x)
  if (!Number.isSafeInteger(transfer_id)) refuse(badRequest('transfer_id is required'))
  const transfer = cloud.transfers.get(transfer_id as number)
  return found(transfer?.image.id === id(x.params.image) ? transfer : undefined)
}
