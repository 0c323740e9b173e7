import { fail } from '../../snapshots/errors.ts'
import { quotedName } from '../../snapshots/plain.ts'

const DIGEST = /^[^@\s]+@sha256:[a-f0-9]{64}$/
/** Host with a port, path, tag. */
const TAGGED = /^[\w.-]+(:\d+\/[\w.-]+)?(\/[\w.-]+)*:([\w.-]+)$/

/** The name of an image as Daytona takes it, which is with a tag that says something. INVALID_ARGUMENT otherwise. */
export function checkImage(name: string): string {
  const tag = TAGGED.exec(name)?.[3]
  if (DIGEST.test(name) || (tag !== undefined && tag !== 'latest')) return name
  throw fail(
    'INVALID_ARGUMENT',
    tag === 'latest'
      ? `Daytona takes no image with the tag "latest", because it means another one every day. Nothing was changed.`
      : `${quotedName(name, 100)} is not the name of an image with its tag or digest. Nothing was changed.`,
    'Name a version, such as image:python:3.12-slim, or a digest, such as image:python@sha256:...',
  )
}
