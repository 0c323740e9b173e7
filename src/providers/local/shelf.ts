import type { Engine } from './engine.ts'
import { rootOf } from './snapshot-view.ts'
import type { Stored } from './store/manifest.ts'
import { noSuchSnapshot } from './store/manifests.ts'

/**
 * The snapshots that this server may show and touch: those of directories inside its roots. One store serves many
 * projects, and a server that is allowed one of them must not read or delete what belongs to another.
 */
export function find(engine: Engine, id: string): Stored {
  const stored = engine.store.manifests.get(id)
  if (!isAllowed(engine, stored)) throw noSuchSnapshot(id)
  return stored
}

/** Newest first; what cannot be read any more comes apart. */
export function shelf(engine: Engine): { stored: Stored[]; damaged: { id: string; modified: Date }[] } {
  const { stored, damaged } = engine.store.manifests.list()
  return { stored: stored.filter((entry) => isAllowed(engine, entry)), damaged }
}

function isAllowed(engine: Engine, { manifest }: Stored): boolean {
  return engine.roots.allows(rootOf(manifest))
}
