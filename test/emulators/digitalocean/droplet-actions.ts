import { refuse } from '../refusal.ts'
import type { Routes } from '../routing.ts'
import { findAction, listActions } from './actions.ts'
import { ASSUMED } from './assumptions.ts'
import { findSize } from './catalogue.ts'
import { addImage, findImage, misfit } from './cloud.ts'
import { findDroplet, PENDING, seeDroplet } from './droplets.ts'
import { type Fields, fields, integer, optionalText, text } from './fields.ts'
import type { Cloud, Droplet, Image } from './model.ts'
import { type Action, begin, busy, concerns, look } from './progress.ts'
import { noSuchActionType, unprocessable } from './refusals.ts'
import { actionJson } from './wire.ts'

/** Checks the request, and says what happens when the action completes. */
type Kind = (cloud: Cloud, droplet: Droplet, body: Fields) => () => void

const BLOCKED = 'There are currently blocking events processing for one or more of the droplets.'
const OFF = 'The droplet is already off.'
const MUST_BE_OFF = 'Droplet is currently on. Please power it off to run this event.'

const nothing: Kind = () => () => {}
const whileOn =
  (kind: Kind): Kind =>
  (cloud, droplet, body) => {
    if (droplet.status === 'off') refuse(unprocessable(OFF))
    return kind(cloud, droplet, body)
  }

const KINDS: Record<string, Kind> = {
  snapshot(cloud, droplet, body) {
    const name = optionalText(body, 'name') ?? `${droplet.name}-${cloud.now()}`
    const { content } = droplet
    return () => addImage(cloud, droplet, { name, content, hidden: cloud.snapshotLag })
  },
  restore(cloud, droplet, body) {
    const image = cloud.images.get(integer(body, 'image'))
    if (image?.dropletId !== droplet.id) refuse(unprocessable(ASSUMED.foreignImage))
    const fits = fitting(droplet, image)
    return () => overwrite(cloud, droplet, fits)
  },
  rebuild(cloud, droplet, body) {
    const image = fitting(droplet, findImage(cloud, body.image))
    return () => {
      overwrite(cloud, droplet, image)
      droplet.image = image
    }
  },
  /** Best effort: it completes whether the guest has gone down or not. */
  shutdown: whileOn((cloud, droplet) => () => {
    if (!droplet.ignoresShutdown) turn(cloud, droplet, 'off')
  }),
  power_off: whileOn((cloud, droplet) => () => turn(cloud, droplet, 'off')),
  power_on(cloud, droplet) {
    if (droplet.status === 'active') refuse(unprocessable(ASSUMED.alreadyOn))
    return () => turn(cloud, droplet, 'active')
  },
  power_cycle: whileOn(nothing),
  reboot: whileOn(nothing),
  resize(_cloud, droplet, body) {
    const size = findSize(text(body, 'size')) ?? refuse(unprocessable('You specified an invalid size.'))
    if (droplet.status !== 'off') refuse(unprocessable(MUST_BE_OFF))
    const disk = body.disk === true ? size.disk : droplet.size.disk
    return () => {
      droplet.size = { ...size, disk }
    }
  },
  rename(_cloud, droplet, body) {
    const name = text(body, 'name')
    return () => {
      droplet.name = name
    }
  },
  enable_backups: (_cloud, droplet) => () => {
    droplet.features = [...new Set([...droplet.features, 'backups'])]
  },
  disable_backups: (_cloud, droplet) => () => {
    droplet.features = droplet.features.filter((feature) => feature !== 'backups')
  },
  change_backup_policy: nothing,
  change_kernel: nothing,
  enable_ipv6: nothing,
  password_reset: nothing,
}

/** What can be asked of all Droplets with a tag at once. */
const IN_BULK = new Set([
  ...['power_cycle', 'power_on', 'power_off', 'shutdown', 'snapshot'],
  ...['enable_backups', 'disable_backups', 'enable_ipv6'],
])

export function dropletActionRoutes(cloud: Cloud): Routes {
  return {
    'POST /v2/droplets/{droplet}/actions': (x) => {
      const droplet = seeDroplet(cloud, x)
      const start = prepare(cloud, droplet, fields(x), PENDING)
      return { status: 201, body: { action: actionJson(start()) } }
    },
    'POST /v2/droplets/actions': (x) => {
      const tag = x.query.get('tag_name')
      const droplets = [...cloud.droplets.values()].filter((one) => tag !== null && one.tags.includes(tag))
      look(cloud, ({ on }) => on.type === 'droplet')
      const body = fields(x)
      if (!IN_BULK.has(text(body, 'type'))) refuse(noSuchActionType())
      const starts = droplets.map((droplet) => prepare(cloud, droplet, body, BLOCKED))
      return { status: 201, body: { actions: starts.map((start) => actionJson(start())) } }
    },
    'GET /v2/droplets/{droplet}/actions': (x) =>
      listActions(cloud, x, concerns('droplet', findDroplet(cloud, x).id)),
    'GET /v2/droplets/{droplet}/actions/{action}': (x) => {
      const action = findAction(cloud, x, concerns('droplet', findDroplet(cloud, x).id))
      // Seen here, an action never gets a time of completion; /v2/actions/{id} has it.
      return { status: 200, body: { action: { ...actionJson(action), completed_at: null } } }
    },
  }
}

/** Refuses, or returns how to start. */
function prepare(cloud: Cloud, droplet: Droplet, body: Fields, whenBusy: string): () => Action {
  const type = text(body, 'type')
  const kind = Object.hasOwn(KINDS, type) ? KINDS[type]! : refuse(noSuchActionType())
  if (busy(cloud, 'droplet', droplet.id)) refuse(unprocessable(whenBusy))
  if (droplet.blocked > 0) {
    droplet.blocked -= 1
    refuse(unprocessable(BLOCKED))
  }
  const effect = kind(cloud, droplet, body)
  return () => begin(cloud, { type: 'droplet', id: droplet.id }, type, droplet.region, effect)
}

function fitting(droplet: Droplet, image: Image | undefined): Image {
  const reason = misfit(image, droplet.region, droplet.size, ASSUMED.imageOfAction)
  return reason === undefined ? image! : refuse(unprocessable(reason))
}

/** The whole disk is written anew, and the machine boots from it. */
function overwrite(cloud: Cloud, droplet: Droplet, image: Image): void {
  droplet.content = image.content
  if (droplet.status === 'off') turn(cloud, droplet, 'active')
}

function turn(cloud: Cloud, droplet: Droplet, status: Droplet['status']): void {
  droplet.shown = { status: droplet.status, reads: cloud.statusLag }
  droplet.status = status
}
