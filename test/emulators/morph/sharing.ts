import { randomBytes } from 'node:crypto'
import { refuse } from '../refusal.ts'
import type { Routes } from '../routing.ts'
import { ASSUMED, TOKEN_SECONDS } from './assumptions.ts'
import { addSnapshot, afford, liveSnapshot, ripen } from './cloud.ts'
import { bodyMetadata, queryFields } from './fields.ts'
import type { Cloud, Snapshot } from './model.ts'
import { begin } from './progress.ts'
import { problem } from './refusals.ts'
import { answer, sameDigest } from './snapshots.ts'

/** Snapshots that go from one account to another. */
export function sharingRoutes(cloud: Cloud): Routes {
  return {
    'POST /snapshot/{id}/token': (x) => {
      const query = queryFields(x)
      const expires_in = query.integer('expires_in', 1) ?? TOKEN_SECONDS
      query.done()
      const token = share(cloud, liveSnapshot(cloud, x.params.id), expires_in)
      return { status: 200, body: { token, expires_in } }
    },
    'POST /snapshot/pull': (x) => {
      const query = queryFields(x)
      query.required('token')
      const digest = query.text('digest')
      query.done()
      const metadata = x.body === undefined || x.body === null ? {} : bodyMetadata(x)
      const shared = cloud.shares.get(query.text('token') ?? '')
      if (!shared || cloud.now() >= shared.expiresAt) refuse(problem(404, ASSUMED.noToken))
      const present = sameDigest(cloud, digest)
      if (present) return answer(present)
      afford(cloud, { snapshots: 1 })
      const { spec, imageId, content } = shared.snapshot
      const copy = { spec: { ...spec }, imageId, content: { ...content }, status: 'pending' } as const
      const snapshot = addSnapshot(cloud, { ...copy, digest: digest ?? null, metadata })
      begin(cloud, [snapshot], ripen(cloud, snapshot))
      return answer(snapshot)
    },
  }
}

/** Hands out a token for a snapshot, which need not be one of this account. */
export function share(cloud: Cloud, snapshot: Snapshot, seconds: number = TOKEN_SECONDS): string {
  const token = randomBytes(16).toString('hex')
  cloud.shares.set(token, { snapshot, expiresAt: cloud.now() + seconds * 1000 })
  return token
}
