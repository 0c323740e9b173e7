import { createHash } from 'node:crypto'
import { texts } from './fields.ts'
import type { BuildInfo, World } from './model.ts'
import { refuse } from './refusals.ts'

/** What a request says of a build, unchecked. */
export interface GivenBuild {
  dockerfileContent?: unknown
  contextHashes?: unknown
}

/** The reference follows from the Dockerfile and the context, so that the same build has the same one. */
export function buildInfoOf(world: World, given: GivenBuild): BuildInfo {
  const { dockerfileContent, contextHashes } = given
  if (typeof dockerfileContent !== 'string' || dockerfileContent === '')
    refuse(400, 'buildInfo.dockerfileContent should not be empty')
  if (contextHashes !== undefined && contextHashes !== null) {
    const wrong = texts(contextHashes, 'buildInfo.contextHashes')
    if (wrong) refuse(400, wrong)
  }
  const hashes = (contextHashes ?? null) as string[] | null
  const hash = createHash('sha256').update(dockerfileContent + [...(hashes ?? [])].sort().join(''))
  const now = world.now()
  const snapshotRef = `daytona-${hash.digest('hex')}:daytona`
  return { dockerfileContent, contextHashes: hashes, snapshotRef, createdAt: now, updatedAt: now }
}
