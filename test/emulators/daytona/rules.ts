import { DEFAULT_REGION, REGIONS } from './catalogue.ts'
import type { SandboxClass } from './model.ts'
import { refuse } from './refusals.ts'

/** What names, images and places have to look like. */

export function regionFor(id: string | undefined): string {
  if (!id) return DEFAULT_REGION
  const region = REGIONS.find((one) => one.id === id) ?? refuse(404, 'Region not found')
  if (!region.available) refuse(403, `Region ${id} is not available to the organization`)
  return id
}

export function refuseForeignClass(regionId: string, sandboxClass: SandboxClass): void {
  if (!REGIONS.find(({ id }) => id === regionId)!.classes.includes(sandboxClass))
    refuse(
      400,
      `No runners are configured in region '${regionId}' for sandbox class '${sandboxClass}'. Try a different region or sandbox class.`,
    )
}

const NAME = /^[a-zA-Z0-9_.\-:]+(\/[a-zA-Z0-9_.\-:]+)*(@sha256:[a-f0-9]{64})?$/

export const isName = (name: string): boolean => NAME.test(name)

export function refuseBadName(name: string): void {
  if (!isName(name))
    refuse(400, 'Invalid snapshot name format. May contain letters, digits, dots, colons, and dashes')
}

export function refuseTaken(name: string): never {
  return refuse(409, `Snapshot with name "${name}" already exists for this organization`)
}

export function refuseBadImage(image: string): void {
  if (image.includes('@sha256:')) {
    if (!/^[^@]+@sha256:[a-f0-9]{64}$/.test(image))
      refuse(400, 'Invalid digest format. Must be image@sha256:64_hex_characters')
    return
  }
  if (!/:\S*[^:\s]$/.test(image))
    refuse(400, 'Image name must include a tag (e.g., ubuntu:22.04) or digest (@sha256:...)')
  if (image.endsWith(':latest')) refuse(400, 'Images with tag ":latest" are not allowed')
  if (!isName(image))
    refuse(
      400,
      'Invalid image name format. Must be lowercase, may contain digits, dots, dashes, and single slashes between components',
    )
}
