import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'undici'
import type { Load } from './load.ts'
import { openFiles, residentMemory } from './process.ts'
import { CALLS, type Side, type Sides } from './sides.ts'

/** Requests after which the memory is read. */
export const MARKS = [2000, 10_000, 20_000] as const
const AT_ONCE = 16
const SETTLE_MS = 500

/** Of a server when it has nothing to do and its garbage is collected; memory in bytes. */
export interface Mark {
  requests: number
  resident: number
  files: number
}

/** What a server that did nothing before occupies as the requests go by, half of them of each kind. */
export async function measureMemory(sides: Sides, role: 'base' | 'ours', load: Load): Promise<Mark[]> {
  const side = sides.all.find((each) => each.role === role) as Side
  const { origin, pid, said, stop } = await sides.another(role, '--inspect=127.0.0.1:0')
  const inspector = await inspect(said)
  const marks: Mark[] = []
  let sent = 0
  try {
    for (const mark of MARKS) {
      for (const call of CALLS) {
        const count = (mark - sent) / CALLS.length
        const message = await side.message(call)
        const { requests } = await load.send({
          ...{ message, origins: [origin], path: '/mcp', concurrency: AT_ONCE },
          most: { count, ms: 60_000 },
        })
        if (requests < count)
          throw new Error(`${side.name} answered ${requests} of ${count} requests in a minute`)
      }
      sent = mark
      await inspector.collectGarbage()
      await sleep(SETTLE_MS)
      await inspector.collectGarbage()
      marks.push({ requests: mark, resident: residentMemory(pid), files: openFiles(pid) })
    }
    return marks
  } finally {
    inspector.close()
    await stop()
  }
}

/** The debugger of Node is the one way to have another process collect its garbage now. */
async function inspect(said: readonly string[]): Promise<{ collectGarbage(): Promise<void>; close(): void }> {
  const [url] = said.flatMap((line) => /ws:\/\/127\.0\.0\.1:\d+\/\S+/.exec(line)?.[0] ?? [])
  if (url === undefined) throw new Error('the server did not say how to inspect it')
  const socket = new WebSocket(url)
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve)
    socket.addEventListener('error', reject)
  })
  let last = 0
  return {
    close: () => socket.close(),
    collectGarbage: () =>
      new Promise((resolve) => {
        const id = ++last
        const heard = ({ data }: { data: unknown }) => {
          if ((JSON.parse(String(data)) as { id?: number }).id !== id) return
          socket.removeEventListener('message', heard)
          resolve()
        }
        socket.addEventListener('message', heard)
        socket.send(JSON.stringify({ id, method: 'HeapProfiler.collectGarbage' }))
      }),
  }
}
