import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Approvals, bareCode } from '../../guard/approvals.ts'
import type { Audit } from '../../guard/audit.ts'
import { beforeChange, SnapshotError } from '../../snapshots/errors.ts'
import type { Log } from '../../snapshots/provider.ts'
import type { Gate } from '../gate.ts'
import type { Identity } from '../identity.ts'
import type { Limits } from '../limits.ts'
import { answerText, Refusal } from '../refusal.ts'
import { type Carried, createDecisions, type Receipt } from './decisions.ts'
import { readForm } from './form.ts'
import { codePage, signInPage } from './forms.ts'
import { html } from './html.ts'
import { addressOf, HEADERS, type Page, redirect, type Visitor } from './layout.ts'
import { failurePage, noSuchPage, refusalPage, troublePage, wrongMethodPage } from './outcomes.ts'
import { createSeal } from './sealed.ts'
import { createVisitors, notSignedIn } from './visitors.ts'

export interface ApprovalPageOptions {
  gate: Gate
  /** Slows down who tries one token after the other. */
  identify: Limits['identify']
  /** Of the tenant of this caller. */
  approvals(identity: Identity): Promise<Approvals>
  audit(identity: Identity): Promise<Audit>
  /** 32 bytes, the same at all replicas. */
  key(): Promise<Uint8Array>
  /** Milliseconds. */
  clock: () => number
  /** How long a form may take to arrive (ms). */
  patienceMs?: number
  log: Log
}

/**
 * `/approve` and what is below it: where a person sees in a browser what their agent asks for, and says yes or no. Only
 * who is signed in as the principal that asked sees it. Host and Origin were checked before.
 */
export interface ApprovalPage {
  /** Always answers. */
  handle(req: IncomingMessage, res: ServerResponse, url: URL): Promise<void>
}

type Handlers = { GET: () => Promise<Page>; POST?: () => Promise<Page> }

export function createApprovalPage(options: ApprovalPageOptions): ApprovalPage {
  const { key, clock, patienceMs = 10_000, log } = options
  const visitors = createVisitors(options)
  const forms = createSeal<Carried>({ purpose: 'form', key, clock })
  const receipts = createSeal<Receipt>({ purpose: 'receipt', key, clock })
  const decisions = createDecisions({ ...options, forms, receipts })

  function front({ searchParams }: URL): Page {
    const code = bareCode(searchParams.get('code') ?? '')
    return code === '' ? codePage() : redirect(addressOf(code))
  }

  async function show(req: IncomingMessage, { searchParams }: URL, code: string): Promise<Page> {
    const visitor = await visitors.byHeader(req)
    const news = await decisions.news(visitor, code, searchParams.get('decided'))
    return news ?? (visitor ? decisions.show(visitor, code) : signInPage({ code }))
  }

  async function receive(req: IncomingMessage, code: string): Promise<Page> {
    const known = await beforeChange(visitors.byHeader(req))
    const form = await readForm(req, patienceMs)
    const typed = form.get('token')?.trim()
    // Whatever fails here, nothing was decided.
    if (!known && typed !== undefined)
      return signIn(req, code, typed).catch((error) => pageAbout(error, false))
    const carried = await beforeChange(forms.open(form.get('form')))
    const decide = (visitor: Visitor) => decisions.decide(visitor, code, form, carried)
    if (known) return decide(known)
    // Asked about once more: what was taken back since then decides nothing.
    if (carried?.token !== undefined) return withToken(req, code, carried.token, decide)
    return signInPage({ code, status: 403, wrong: TOO_OLD })
  }

  const signIn = (req: IncomingMessage, code: string, token: string) =>
    withToken(req, code, token, (visitor) => beforeChange(decisions.show(visitor, code)))

  async function withToken(
    req: IncomingMessage,
    code: string,
    token: string,
    show: (visitor: Visitor) => Promise<Page>,
  ): Promise<Page> {
    const visitor = await beforeChange(visitors.byToken(req, token)).catch((error: unknown) =>
      notSignedIn(error, code),
    )
    return 'identity' in visitor ? show(visitor) : visitor
  }

  function handlersOf(req: IncomingMessage, url: URL): Handlers | undefined {
    const [part = '', ...more] = url.pathname.split('/').slice(2)
    if (more.length > 0) return undefined
    const code = bareCode(decoded(part))
    if (code === '') return { GET: async () => front(url) }
    return { GET: () => beforeChange(show(req, url, code)), POST: () => receive(req, code) }
  }

  async function pageFor(req: IncomingMessage, url: URL): Promise<Page> {
    const handlers = handlersOf(req, url)
    if (!handlers) return noSuchPage()
    // The answer to HEAD is that to GET, of which only the head is sent.
    const handler = handlers[(req.method === 'HEAD' ? 'GET' : req.method) as keyof Handlers]
    return handler ? handler() : wrongMethodPage(allowed(handlers))
  }

  return {
    async handle(req, res, url) {
      try {
        send(res, await pageFor(req, url))
      } catch (error) {
        send(res, pageAbout(error, req.method === 'POST'))
      }
    },
  }

  function pageAbout(error: unknown, mayHaveDecided: boolean): Page {
    if (error instanceof Refusal) return refusalPage(error)
    if (!(error instanceof SnapshotError) || error.code !== 'RATE_LIMITED')
      log.error('the approval page could not do what it was asked for', { error })
    return error instanceof SnapshotError ? troublePage(error.problem) : failurePage(mayHaveDecided)
  }
}

const allowed = (handlers: Handlers) => (handlers.POST ? 'GET, HEAD, POST' : 'GET, HEAD')

function send(res: ServerResponse, { status, markup, headers }: Page): void {
  answerText(res, status, markup, { ...HEADERS, ...headers })
}

const TOO_OLD = html`The form is too old, or was not made here. Nothing was decided: sign in, and you come back to it.`

/** What cannot be decoded is a code that nobody has. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return ''
  }
}
