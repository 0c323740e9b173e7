import type { Caller } from '../snapshots/caller.ts'
import { fail } from '../snapshots/errors.ts'
import type { Service } from '../snapshots/service-api.ts'

/**
 * How much is done at a provider at once: a cloud has limits of its own, a disk gets no faster. What is over that is told
 * to wait instead of being lined up where nobody sees it. A service is of one tenant and is counted by itself, so that no
 * tenant can take the places of another.
 */
export interface Work {
  /** The service with its limits; of each, no caller may have more than half. The same one for the same service. */
  limited(service: Service): Service
}

type Kind = 'changing' | 'reading'
/** At each provider. Of what only reads, twice what one caller may have under way in all. */
const CHANGING = 16
const CONCURRENCY = 32

/** What a call takes at least, in milliseconds: when it is worth to come again. */
const SOON_MS = { changing: 2000, reading: 500 }

/** Calls that do not say which provider they go to are counted together. */
const ANY = '*'

export function createWork(refused: () => void, concurrency = CONCURRENCY): Work {
  const most = { changing: CHANGING, reading: 2 * concurrency }
  const known = new WeakMap<Service, Service>()

  function limit(service: Service): Service {
    const running = createTally()
    const limiting =
      <A extends object, R>(kind: Kind, run: (args: A, caller: Caller) => Promise<R>) =>
      async (args: A, caller: Caller): Promise<R> => {
        const provider = providerOf(args)
        const place = `${kind} ${provider}`
        const share = JSON.stringify([place, caller.principal])
        if (running.count(place) >= most[kind] || running.count(share) >= most[kind] / 2) {
          refused()
          throw busy(kind, provider)
        }
        for (const name of [place, share]) running.add(name, 1)
        try {
          return await run(args, caller)
        } finally {
          for (const name of [place, share]) running.add(name, -1)
        }
      }
    return {
      create: limiting('changing', service.create),
      list: limiting('reading', service.list),
      get: limiting('reading', service.get),
      diff: limiting('reading', service.diff),
      restore: limiting('changing', service.restore),
      delete: limiting('changing', service.delete),
      undo: limiting('changing', service.undo),
      update: limiting('changing', service.update),
      prune: limiting('changing', service.prune),
      sources: limiting('reading', service.sources),
      status: limiting('reading', service.status),
      busy: service.busy,
      close: service.close,
    }
  }

  return {
    limited(service) {
      const limited = known.get(service) ?? limit(service)
      known.set(service, limited)
      return limited
    },
  }
}

function createTally() {
  const counts = new Map<string, number>()
  return {
    count: (name: string) => counts.get(name) ?? 0,
    add(name: string, change: number) {
      const now = (counts.get(name) ?? 0) + change
      if (now === 0) counts.delete(name)
      else counts.set(name, now)
    },
  }
}

/** The one that is named, or whose snapshot is. */
function providerOf(args: {
  provider?: string
  snapshot?: string
  from?: string
  snapshots?: readonly string[]
}): string {
  const { provider, snapshot = args.from ?? args.snapshots?.[0] } = args
  return provider ?? snapshot?.slice(0, snapshot.indexOf(':')) ?? ANY
}

function busy(kind: Kind, provider: string) {
  const where = provider === ANY ? 'here' : `at ${provider}`
  return fail(
    'RATE_LIMITED',
    `As many calls as may ${kind === 'changing' ? 'change something' : 'read'} ${where} at once are running. Nothing was done.`,
    'Wait, then make the call again.',
    { retryable: true, retry_after_ms: SOON_MS[kind] },
  )
}
