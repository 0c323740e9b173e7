import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, type EmulatorServer, type Exchange, serveEmulator } from '../http.ts'
import type { Routes } from '../routing.ts'
import { hasKey } from './access.ts'
import type { BuildLog, World } from './model.ts'
import { changed, look } from './progress.ts'
import { problem, refuse, refusing } from './refusals.ts'
import { snapshotById } from './snapshots.ts'

export function buildLogRoutes(world: World): Routes {
  return {
    'GET /api/snapshots/{snapshot}/build-logs-url': ({ params }) => {
      const { id } = snapshotById(world, params.snapshot!)
      logOf(world, id)
      return { status: 200, body: { url: `${world.origins.proxy}/snapshots/${id}/build-logs` } }
    },
    'GET /api/snapshots/{snapshot}/build-logs': (x) => send(world, x),
  }
}

/** Serves the logs where the URL points to: another origin, the same key. */
export function serveProxy(world: () => World): Promise<EmulatorServer> {
  const now = () => world().now()
  return serveEmulator({
    routes: { 'GET /snapshots/{snapshot}/build-logs': refusing(now, (x) => send(world(), x)) },
    authorize: (x) => (hasKey(world(), x) ? undefined : problem(x, now(), 401, 'Invalid credentials')),
    notFound: (x) => problem(x, now(), 404, `Cannot ${x.method} ${x.path}`),
    badJson: (x) => problem(x, now(), 400, 'Bad Request'),
  })
}

function logOf(world: World, id: string): BuildLog {
  return snapshotById(world, id).log ?? refuse(404, `Snapshot ${id} has no build info`)
}

/** What there is so far, or with `follow=true` all of it as it comes. Reading a log is no look. */
function send(world: World, { params, query }: Exchange): Answer {
  const log = logOf(world, params.snapshot!)
  const headers = { 'content-type': 'application/octet-stream' }
  if (query.get('follow') === 'true') return { status: 200, headers, stream: follow(world, log) }
  return { status: 200, headers, raw: log.lines.join('') }
}

async function* follow(world: World, log: BuildLog): AsyncGenerator<string> {
  for (let sent = 0; ; ) {
    for (; sent < log.lines.length; sent += 1) yield log.lines[sent]!
    if (log.ended) return
    // By the clock things happen though nobody asks; then somebody has to look at it.
    const clock =
      'seconds' in world.pace ? [sleep(100, undefined, { ref: false }).then(() => look(world))] : []
    await Promise.race([changed(world), ...clock])
  }
}
