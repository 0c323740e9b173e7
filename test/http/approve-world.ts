import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import type { Approvals } from '../../src/guard/approvals.ts'
import { type Audit, createAudit } from '../../src/guard/audit.ts'
import { type ApprovalPageOptions, createApprovalPage } from '../../src/http/approve/page.ts'
import type { Gate } from '../../src/http/gate.ts'
import type { Identity } from '../../src/http/identity.ts'
import { createNames } from '../../src/http/names.ts'
import { answerRefusal, Refusal, refuse } from '../../src/http/refusal.ts'
import { createSignIns } from '../../src/http/sign-ins.ts'
import type { PlanView } from '../../src/snapshots/model.ts'
import { createDesk, replied } from '../guard/desk.ts'
import { caller, temporaryDirectory } from '../snapshots/world.ts'

const who = (principal: string, tenant?: string): Identity => ({
  principal,
  place: { ...(tenant && { tenant }), roots: ['/srv/'.padEnd(5000, 'x')] },
  scopes: ['snapshots:read'],
  uses: ['mcp', 'approve'],
})

/** Whose token is which. */
const TOKENS: Record<string, Identity> = {
  'token-of-ann': who('ann'),
  'token-of-bob': who('bob'),
  'token-of-the-other-ann': who('ann', 'other'),
}

/** Lets in by these tokens, of which one can be taken back. */
function createTokenGate(tokens: Record<string, Identity>): Gate {
  const gate: Gate = {
    identify: async ({ headers }, use) => gate.identifyToken(headers.authorization?.slice(7) ?? '', use),
    async identifyToken(token) {
      if (token === 'for-agents')
        throw refuse(403, ['FORBIDDEN', 'The token is not for this <page>.', 'Use another.'])
      if (token === 'nobody-knows')
        throw refuse(503, ['PROVIDER_UNAVAILABLE', 'The issuer is away.', 'Wait.'], { retry_after_ms: 3000 })
      const identity = tokens[token]
      if (identity) return identity
      const headers = { 'www-authenticate': 'Bearer realm="snapshots"' }
      throw refuse(401, ['UNAUTHENTICATED', 'No token.', 'Send one.'], { headers })
    },
    answerMetadata: () => false,
  }
  return gate
}

export interface PageWorldOptions {
  reversible?: boolean
  view?: Partial<PlanView>
  subject?: string
  page?: Partial<ApprovalPageOptions>
  approvals?: (part: Approvals) => Approvals
  audit?: (part: Audit) => Audit
}

/** The page on a real socket, before the real guard and its records; an agent of ann waits for an approval. */
export async function createPageWorld(options: PageWorldOptions = {}) {
  const { reversible = false, view = {}, subject } = options
  const mode = reversible ? 'human' : 'auto'
  const desk = createDesk({ mode, reversible })
  const other = createDesk({ mode, reversible })
  const directory = temporaryDirectory()
  const clock = () => desk.time.now
  const audit = createAudit({ directory: join(directory, 'audit'), lock: desk.state.lock, clock })
  const written: object[] = []
  const logged: unknown[] = []
  const tokens = { ...TOKENS }

  const page = createApprovalPage({
    gate: createTokenGate(tokens),
    identify: createSignIns({ clock, refused: () => {} }).identify,
    async approvals({ place: { tenant } }) {
      const part = tenant === 'other' ? other.approvals : desk.approvals
      return options.approvals?.(part) ?? part
    },
    async audit() {
      return {
        async append(event) {
          await (options.audit?.(audit) ?? audit).append(event)
          written.push(event)
        },
      }
    },
    key: async () => new Uint8Array(32).fill(7),
    clock,
    log: { debug() {}, info() {}, warn() {}, error: (_message, data) => void logged.push(data?.error) },
    ...options.page,
  })

  const names = createNames({
    hosts: ['127.0.0.1'],
    ownNames: ['127.0.0.1'],
    origins: ['https://friend.example'],
  })
  const server = createServer((req, res) => {
    const answer = async () => {
      names.check(req)
      await page.handle(req, res, new URL(req.url ?? '/', 'http://localhost'))
    }
    answer().catch((error) => (error instanceof Refusal ? answerRefusal(res, error) : res.destroy(error)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })

  /** What the agent calls, and calls again. */
  const call = (confirmation?: string) => {
    const request = desk.request(confirmation === undefined ? {} : { confirmation })
    const plan = request.plan
    request.plan = async () => {
      const planned = await plan()
      return { ...planned, ...(subject && { subject }), view: { ...planned.view, ...view } }
    }
    return desk.guard.authorize(request, caller({ canAsk: false }))
  }

  return {
    ...desk,
    /** Of another tenant. */
    other,
    url: `http://127.0.0.1:${port}`,
    port,
    /** Whose is which, as it is now. */
    tokens,
    written,
    logged,
    call,
    /** Of an agent of ann's, who now waits. */
    async ask() {
      const { approval, confirmation } = replied(await call())
      return { code: approval?.code as string, again: () => call(confirmation) }
    },
  }
}
export type PageWorld = Awaited<ReturnType<typeof createPageWorld>>

/** A browser without a window: it types the token, unless that is in `headers`, and sends forms as they are on the page. */
export function createVisitor(
  { url }: Pick<PageWorld, 'url'>,
  { token, headers = {} }: { token?: string; headers?: Record<string, string> } = {},
) {
  async function send(path: string, init: RequestInit = {}) {
    const res = await fetch(`${url}${path}`, {
      redirect: 'manual',
      ...init,
      headers: { ...headers, ...(init.headers as object) },
    })
    // Every port of the host would be sent it.
    expect(res.headers.get('set-cookie')).toBeNull()
    return { status: res.status, headers: res.headers, text: await res.text() }
  }

  return {
    get: (path: string, init?: RequestInit) => send(path, init),
    post: (path: string, fields: Record<string, string>, more: Record<string, string> = {}) =>
      send(path, { method: 'POST', body: new URLSearchParams(fields), headers: more }),
    /** What is shown under this code to who signs in. */
    open(code: string) {
      return token === undefined ? this.get(`/approve/${code}`) : this.post(`/approve/${code}`, { token })
    },
    /** What the form about this code carries. */
    async formToken(code: string): Promise<string> {
      return carriedIn((await this.open(code)).text)
    },
    async decide(code: string, decision: string, fields: Record<string, string> = {}) {
      const form = await this.formToken(code)
      return this.post(`/approve/${code}`, { form, decision, ...fields })
    },
  }
}

export const carriedIn = (page: string) => /name="form" value="([^"]+)"/.exec(page)?.[1] ?? ''

/** Somebody who types this token. */
export const typing = (world: PageWorld, token: string) => createVisitor(world, { token })
export const ann = (world: PageWorld) => typing(world, 'token-of-ann')

/** Somebody for whom a proxy adds it. */
export const proxied = (world: PageWorld, token: string) =>
  createVisitor(world, { headers: { authorization: `Bearer ${token}` } })

/** What a browser would show of a page: its text. */
export const seen = (page: string) =>
  page
    .replace(/<style>.*<\/style>/s, '')
    .replace(/<\/?(?:time|strong|code|bdi)\b[^>]*>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&amp;/g, '&')
    .replace(/\s+/g, ' ')
