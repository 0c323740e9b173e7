import type { ObservedCall } from '../mcp/observed.ts'
import { TOOLS } from '../mcp/tools/index.ts'

/**
 * What the server counts, for Prometheus. Every label has few values, known beforehand: none is a principal, a tenant, a
 * path or an id.
 */
export interface Metrics {
  http(route: Route, method: string, status: number, seconds: number): void
  tool(call: ObservedCall): void
  refused(kind: RefusalKind): void
  /** Read with each scrape. What cannot be read is not a number then. */
  gauge(name: string, help: string, read: () => number | Promise<number>): void
  text(): Promise<{ body: string; contentType: string }>
}

export type Route = 'mcp' | 'approve' | 'healthz' | 'readyz' | 'metrics' | 'well-known' | 'other'
export type RefusalKind =
  | 'rate'
  | 'concurrency'
  | 'connections'
  | 'body'
  | 'host'
  | 'origin'
  | 'auth'
  | 'work'

const PREFIX = 'snapshot_mcp_'
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS'])
/** A list takes milliseconds, a restore of a Droplet minutes. */
const SECONDS = [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600]

export async function createMetrics(): Promise<Metrics> {
  const { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } = await import('prom-client')
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const named = <L extends string>(name: string, help: string, labelNames: readonly L[]) => ({
    name: `${PREFIX}${name}`,
    help,
    labelNames,
    registers,
  })
  const requests = new Counter(
    named('http_requests_total', 'Answered HTTP requests', ['route', 'method', 'status']),
  )
  const requestSeconds = new Histogram({
    ...named('http_request_duration_seconds', 'From the request to the end of its answer', ['route']),
    buckets: SECONDS,
  })
  const calls = new Counter(named('tool_calls_total', 'Tool calls that ended', ['tool', 'outcome', 'era']))
  const callSeconds = new Histogram({
    ...named('tool_call_duration_seconds', 'Tool calls', ['tool']),
    buckets: SECONDS,
  })
  const refusals = new Counter(
    named('refusals_total', 'What was refused before anything of it was done', ['kind']),
  )
  const tools: ReadonlySet<string> = new Set(TOOLS.map(({ name }) => name))

  return {
    http(route, method, status, seconds) {
      requests.inc({ route, method: METHODS.has(method) ? method : 'other', status })
      requestSeconds.observe({ route }, seconds)
    },
    tool({ tool: given, outcome, era, seconds }) {
      const tool = tools.has(given) ? given : 'other'
      calls.inc({ tool, outcome, era })
      callSeconds.observe({ tool }, seconds)
    },
    refused: (kind) => refusals.inc({ kind }),
    gauge(name, help, read) {
      new Gauge({
        name,
        help,
        registers,
        async collect() {
          try {
            this.set(await read())
          } catch {
            this.set(Number.NaN)
          }
        },
      })
    },
    text: async () => ({ body: await registry.metrics(), contentType: registry.contentType }),
  }
}
