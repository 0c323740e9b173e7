import {
  type AuthInfo,
  createMcpHandler,
  isLegacyRequest,
  type McpServer,
} from '@modelcontextprotocol/server'
import type { App } from '../app.ts'
import type { Listening } from '../config/listening.ts'
import { busOf, tellSession } from '../mcp/changes.ts'
import type { Era } from '../mcp/client.ts'
import { createMenu } from '../mcp/list-tools.ts'
import { createQuestions } from '../mcp/question.ts'
import { mayRead, refuseToTell } from '../mcp/scopes.ts'
import { createMcpServer, type Purpose, type ServerOptions } from '../mcp/server.ts'
import type { Identity } from './identity.ts'
import { createSessions } from './sessions.ts'
import { createStateless } from './stateless.ts'
import type { Work } from './work.ts'

/** Where the callers of one place are served: its own service, and all that clients of any revision need to reach it. */
export interface Desk {
  readonly app: App
  serve(request: Request, identity: Identity, parsedBody: unknown): Promise<Response>
  sessions(): number
  close(): Promise<void>
}

export interface DeskOptions {
  app: App
  /** It is for callers who may see only a part of what changes. */
  isNarrow?: boolean
  listening: Listening
  /** Where clients learn who gives out tokens. */
  metadataUrl?(): string | undefined
  observe?: ServerOptions['observe']
  tracing?: ServerOptions['tracing']
  /** How much is done at a provider at once. */
  work: Work
  running(call: Promise<unknown>): void
  /** Adds to each server before it is used: how tests bring tools of their own. */
  extend?(server: McpServer): void
  clock: () => number
}

/** In bytes. Arguments are small: the largest that make sense are a few hundred paths. */
export const MAX_BODY = 2 ** 20

export const MODERN = '2026-07-28'

export async function createDesk(options: DeskOptions): Promise<Desk> {
  const {
    app,
    isNarrow = false,
    listening,
    metadataUrl,
    observe,
    tracing,
    work,
    running,
    extend,
    clock,
  } = options
  const { providers, readOnly } = app.config
  const menu = createMenu({ providers, readOnly, openWorld: app.openWorld })
  const changes = await app.changes()
  const telling = { byName: !isNarrow }
  let key: Promise<Uint8Array> | undefined
  const stateKey = async () => {
    key ??= app.stateKey().catch((error: unknown) => {
      key = undefined
      throw error
    })
    return key
  }

  interface Serving {
    purpose?: Purpose | undefined
    cancelled?: AbortSignal | undefined
    /** False where there is no stream that a change could be told on, or who asks may not hear of it. */
    tellsChanges?: boolean
  }
  function serverFor(
    { principal, scopes }: Identity,
    era: Era,
    { purpose, cancelled, tellsChanges = true }: Serving = {},
  ): McpServer {
    const server = createMcpServer(
      {
        menu,
        service: async () => work.limited(await app.service()),
        providers,
        principal,
        scopes,
        questions: createQuestions(principal, stateKey),
        log: app.log,
        tellsChanges,
        cancelled,
        running,
        ...(observe && { observe }),
        ...(tracing && { tracing }),
      },
      era,
      purpose,
    )
    extend?.(server)
    return server
  }

  const onerror = (error: Error) => app.log.debug('Protocol error', { error })
  const modern = createMcpHandler(
    ({ era, authInfo, requestInfo }) =>
      serverFor(identityIn(authInfo), era, { purpose: purposeOf(requestInfo) }),
    { legacy: 'reject', bus: busOf(changes, telling), maxRequestBodySize: MAX_BODY, onerror },
  )
  const sessions = createSessions({
    createServer(identity) {
      const tellsChanges = mayRead(identity.scopes)
      const server = serverFor(identity, 'legacy', { tellsChanges })
      return { server, end: tellsChanges ? tellSession(server, changes, telling) : () => {} }
    },
    clock,
    maxBody: MAX_BODY,
  })
  const stateless = createStateless({
    createServer: (identity, cancelled) => serverFor(identity, 'legacy', { cancelled, tellsChanges: false }),
    changes,
    maxBody: MAX_BODY,
    onerror,
  })

  return {
    app,
    async serve(request, identity, parsedBody) {
      const authInfo = authOf(identity, metadataUrl?.())
      const body = parsedBody === undefined ? {} : { parsedBody }
      const isModern =
        listening.legacy === 'reject' ||
        request.headers.get('mcp-protocol-version') === MODERN ||
        !(await isLegacyRequest(request, parsedBody, { maxRequestBodySize: MAX_BODY }))
      if (isModern) return refuseToTell(parsedBody, authInfo) ?? modern.fetch(request, { authInfo, ...body })
      if (listening.legacy === 'sessions') return sessions.serve(request, identity, parsedBody, authInfo)
      return stateless.serve(request, identity, parsedBody, authInfo)
    },
    sessions: sessions.count,
    async close() {
      await Promise.all([modern.close(), sessions.close()])
      stateless.close()
      await app.close()
    },
  }
}

/** Whoever handles a request sees who calls and never the token: it could only be passed on. */
const authOf = (identity: Identity, resourceMetadataUrl: string | undefined): AuthInfo => ({
  token: '',
  clientId: identity.principal,
  scopes: [...identity.scopes],
  extra: { identity },
  ...(resourceMetadataUrl !== undefined && { resourceMetadataUrl }),
})

const identityIn = (auth: AuthInfo | undefined) => auth?.extra?.identity as Identity

/** Clients since 2026-07-28 say in headers what the body is about, and the SDK holds one against the other. */
function purposeOf(request: Request | undefined): Purpose | undefined {
  const method = request?.headers.get('mcp-method')
  return method ? { method, name: request?.headers.get('mcp-name') ?? undefined } : undefined
}
