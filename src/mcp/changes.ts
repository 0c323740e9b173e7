import type { McpServer, ServerEvent, ServerEventBus } from '@modelcontextprotocol/server'
import type { Change, Changes } from '../state/backend.ts'
import { uriOf } from './resources.ts'

export interface Telling {
  /** False where not all that changes may be seen: then no snapshot is named, not even to confirm that there is one. */
  byName: boolean
}

/** What happened, in the words of the protocol: the list of resources is another, and so is each that is named. */
function eventsOf({ snapshots = [] }: Change, { byName }: Telling): ServerEvent[] {
  if (snapshots.length === 0) return []
  const named = byName ? snapshots : []
  return [
    { kind: 'resources_list_changed' },
    ...named.map((id) => ({ kind: 'resource_updated', uri: uriOf(id) }) as const),
  ]
}

/** For clients since 2026-07-28, which listen on a stream of its own. */
export const busOf = (changes: Changes, telling: Telling): ServerEventBus => ({
  // What happens is told by the service, never by the protocol.
  publish: () => {},
  subscribe: (listener) =>
    changes.subscribe((change) => {
      for (const event of eventsOf(change, telling)) listener(event)
    }),
})

/** For one session of a client before that, which subscribes to single resources. Returns how to stop it. */
export function tellSession({ server }: McpServer, changes: Changes, telling: Telling): () => void {
  const wanted = new Set<string>()
  server.setRequestHandler('resources/subscribe', async ({ params }) => {
    if (wanted.size < MOST_WANTED && canBeTold(params.uri)) wanted.add(params.uri)
    return {}
  })
  server.setRequestHandler('resources/unsubscribe', async ({ params }) => {
    wanted.delete(params.uri)
    return {}
  })
  return changes.subscribe((change) => {
    for (const event of eventsOf(change, telling)) {
      if (event.kind === 'resources_list_changed') server.sendResourceListChanged().catch(() => {})
      else if (event.kind === 'resource_updated' && wanted.has(event.uri))
        server.sendResourceUpdated({ uri: event.uri }).catch(() => {})
    }
  })
}

/** Of one session, and of each the most characters: what clients want is kept for as long as they stay. */
const MOST_WANTED = 1000
const LONGEST_URI = 400

const canBeTold = (uri: string) => uri.startsWith('snapshot://') && uri.length <= LONGEST_URI
