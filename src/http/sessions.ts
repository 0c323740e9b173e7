import { randomUUID } from 'node:crypto'
import {
  type AuthInfo,
  type McpServer,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server'
import { z } from 'zod'
import { callerKey, type Identity } from './identity.ts'
import { refuse } from './refusal.ts'
import { whenRead } from './when-read.ts'

/**
 * Sessions of clients before 2026-07-28. Each has a server of its own, so that the server can ask its client questions
 * and be told to stop. They live in this process alone; a client whose session is gone is told so and begins anew.
 */
export interface Sessions {
  serve(request: Request, identity: Identity, parsedBody: unknown, auth: AuthInfo): Promise<Response>
  count(): number
  close(): Promise<void>
}

export interface SessionsOptions {
  /** A server for one session, and what to do when that ends. */
  createServer(identity: Identity): { server: McpServer; end(): void }
  clock: () => number
  /** In bytes. */
  maxBody: number
}

interface Session {
  /** Whose it counts as. */
  caller: string
  /** The caller with what they might do when it began: who may do less or more has to begin another. */
  owner: string
  transport: WebStandardStreamableHTTPServerTransport
  server: McpServer
  end(): void
  /** Requests that are answered just now, streams included. */
  open: number
  /** When the last one came or ended (ms). */
  at: number
}

/** Of one caller, and of all together. A client has one. */
const MOST_PER_CALLER = 64
const MOST = 1024
/** How long nothing may come from a client. */
const IDLE_MS = 30 * 60_000
const SWEEP_MS = 60_000
/**
 * A comment to readers of events. The head of an answer leaves with the first of it: a stream on which nothing happens
 * would look to its client like a request that nobody answers.
 */
const OPEN = new TextEncoder().encode(': open\n\n')

/** A call that is taken back is not answered any more. */
const Cancelled = z.object({
  method: z.literal('notifications/cancelled'),
  params: z.object({ requestId: z.union([z.string(), z.number()]) }),
})

export function createSessions({ createServer, clock, maxBody }: SessionsOptions): Sessions {
  const sessions = new Map<string, Session>()

  const end = async (id: string, session: Session) => {
    if (!sessions.delete(id)) return
    session.end()
    await session.server.close().catch(() => {})
  }

  const sweeper = setInterval(() => {
    for (const [id, session] of sessions)
      if (session.open === 0 && clock() - session.at > IDLE_MS) void end(id, session)
  }, SWEEP_MS).unref()

  async function begin(identity: Identity): Promise<Session> {
    const caller = callerKey(identity)
    makeRoom(caller)
    const { server, end: onEnd } = createServer(identity)
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      maxRequestBodySize: maxBody,
      onsessioninitialized: (id) => void sessions.set(id, session),
      onsessionclosed: (id) => end(id, session),
    })
    const session: Session = {
      caller,
      owner: ownerKey(identity),
      transport,
      server,
      end: onEnd,
      open: 0,
      at: clock(),
    }
    await server.connect(transport)
    return session
  }

  /**
   * Who begins anew again and again, without ending what was before, loses the oldest that does nothing. Where all are
   * taken it is whoever has most: nobody is kept out by what others have left lying about.
   */
  function makeRoom(caller: string): void {
    const counts = new Map<string, number>()
    const has = (who: string) => counts.get(who) ?? 0
    for (const session of sessions.values()) counts.set(session.caller, has(session.caller) + 1)
    const isOver = has(caller) >= MOST_PER_CALLER
    if (!isOver && sessions.size < MOST) return
    const [idle] = [...sessions]
      .filter(([, session]) => session.open === 0 && (!isOver || session.caller === caller))
      .sort(([, a], [, b]) => has(b.caller) - has(a.caller) || a.at - b.at)
    if (idle) return void end(...idle)
    throw refuse(
      503,
      [
        'RATE_LIMITED',
        'Too many sessions are open.',
        'End one of them, or wait until one is idle for half an hour.',
      ],
      { retry_after_ms: 60_000 },
    )
  }

  async function handle(session: Session, request: Request, parsedBody: unknown, authInfo: AuthInfo) {
    session.open++
    session.at = clock()
    const done = () => {
      session.open--
      session.at = clock()
    }
    try {
      const response = await session.transport.handleRequest(request, {
        authInfo,
        ...(parsedBody !== undefined && { parsedBody }),
      })
      const isListening = request.method === 'GET' && response.ok
      return whenRead(response, done, isListening ? OPEN : undefined)
    } catch (error) {
      done()
      throw error
    }
  }

  return {
    async serve(request, identity, parsedBody, auth) {
      const id = request.headers.get('mcp-session-id')
      const known = id === null ? undefined : sessions.get(id)
      // Another caller's is as unknown as one that never was.
      if (id !== null && known?.owner !== ownerKey(identity)) return noSession()
      const session = known ?? (await begin(identity))
      const response = await handle(session, request, parsedBody, auth)
      // Nothing more comes to it, and the client may leave it open.
      const taken = Cancelled.safeParse(parsedBody).data?.params.requestId
      if (taken !== undefined) session.transport.closeSSEStream(taken)
      // A request that began no session leaves none behind.
      if (!known && session.transport.sessionId === undefined) {
        session.end()
        await session.server.close().catch(() => {})
      }
      return response
    },
    count: () => sessions.size,
    async close() {
      clearInterval(sweeper)
      await Promise.all([...sessions].map(([id, session]) => end(id, session)))
    },
  }
}

const ownerKey = (identity: Identity) =>
  JSON.stringify([
    callerKey(identity),
    identity.scopes.toSorted(),
    identity.place.providers,
    identity.place.roots,
  ])

const noSession = () =>
  Response.json(
    { jsonrpc: '2.0', id: null, error: { code: -32_001, message: 'Session not found' } },
    { status: 404 },
  )
