import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { connect, type TestClient } from '../../test/support/clients.ts'
import { plan } from '../../test/support/confirm.ts'
import { type ServerProcess, startServer } from '../../test/support/server.ts'
import { sync } from './command.ts'
import type { Contestant } from './contestants.ts'

/** The slowest call of the largest tree on a slow disk. */
const TIMEOUT_MS = 600_000

/** The published file as a client runs it: a process, JSON-RPC over its pipes, the SDK's own client. */
export const ours = (bundle: string): Contestant => ({
  name: '**snapshot-mcp**',
  durability:
    'packs are flushed with fdatasync, manifests and directories with fsync, before a save is answered',
  how: '`snapshot_create`, `snapshot_restore` (safety snapshot and verification included), `snapshot_diff` (limit 100) over stdio',
  async open({ root, dir, signal }) {
    const home = join(dir, 'home')
    let { server, client } = await openServer({ bundle, home, root, signal })
    const saves: string[] = []
    let confirmation: string | undefined
    const save = async () => void saves.push(await create(client, root))
    return {
      store: join(home, 'store'),
      save,
      async planInPlace() {
        confirmation = await plan(client, 'snapshot_restore', { snapshot: saves[0] })
      },
      async restoreInPlace() {
        await client.call('snapshot_restore', { snapshot: saves[0], confirmation }, PATIENT)
      },
      async restoreNew(to) {
        await client.call('snapshot_restore', { snapshot: saves[0], mode: 'new', to }, PATIENT)
      },
      async diff() {
        await client.call('snapshot_diff', { from: saves[0], to: saves.at(-1), limit: 100 }, PATIENT)
      },
      peak: () => peakMemory(server.pid),
      async saveFresh() {
        await server.stop()
        await sync()
        const started = performance.now()
        ;({ server, client } = await openServer({ bundle, home, root, signal }))
        const ready = performance.now()
        await save()
        return { ready: ready - started, answer: performance.now() - ready }
      },
      close: () => server.stop(),
    }
  },
})

export interface OpenOptions {
  bundle: string
  home: string
  root: string
  signal: AbortSignal
}

/** Starts a server that may write beside `root`, and returns when its client has the list of tools. */
export async function openServer({ bundle, home, root, signal }: OpenOptions) {
  signal.throwIfAborted()
  const server: ServerProcess = startServer({ home, roots: [dirname(root)], entry: { bundle } })
  const end = () => void server.kill()
  signal.addEventListener('abort', end)
  server.onExit(() => signal.removeEventListener('abort', end))
  return { server, client: await connect('SDK v2', server) }
}

export const PATIENT = { timeout: TIMEOUT_MS }

/** Saves, and waits for the end of a save that outlasts its call. Returns the id. */
export async function create(client: TestClient, root: string): Promise<string> {
  const reply = await client.call('snapshot_create', { source: `path:${root}`, wait_seconds: 50 }, PATIENT)
  let { snapshot } = reply
  while (snapshot.state === 'creating')
    ({ snapshot } = await client.call('snapshot_get', { snapshot: snapshot.id, wait_seconds: 50 }, PATIENT))
  if (snapshot.state !== 'ready') throw new Error(`The save ended as ${snapshot.state}`)
  return snapshot.id
}

/** The most memory that a process ever had at once, in bytes; undefined where the system does not tell. */
export function peakMemory(pid: number): number | undefined {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024
  } catch {
    return undefined
  }
}
