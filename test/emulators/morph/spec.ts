import { refuse } from '../refusal.ts'
import { ASSUMED } from './assumptions.ts'
import type { Fields } from './fields.ts'
import type { Spec } from './model.ts'
import { invalid } from './refusals.ts'

/** Of what is made of an image. */
export const DEFAULT_SPEC: Readonly<Spec> = { vcpus: 1, memory: 128, disk_size: 700 }

/** Only what was asked for. */
export function specOf(body: Fields): Partial<Spec> {
  const wanted = {
    vcpus: body.integer('vcpus', 1),
    memory: body.integer('memory', 1),
    disk_size: body.integer('disk_size', 1),
  }
  return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined))
}

export function resized(spec: Spec, wanted: Partial<Spec>): Spec {
  if ((wanted.disk_size ?? spec.disk_size) < spec.disk_size)
    refuse(invalid({ loc: ['body', 'disk_size'], msg: ASSUMED.smallerDisk, type: 'value_error' }))
  return { ...spec, ...wanted }
}
