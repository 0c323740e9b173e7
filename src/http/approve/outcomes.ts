import type { Problem } from '../../snapshots/errors.ts'
import type { Refusal } from '../refusal.ts'
import { html, shown } from './html.ts'
import { type Page, page, type Visitor } from './layout.ts'

export function decidedPage(yes: boolean, visitor: Visitor | undefined): Page {
  const body = yes
    ? html`<p class="lead">Your agent may now do this once.</p>
<p>Tell it to repeat its call. If what it works on changes before that, it has to ask again.</p>`
    : html`<p class="lead">Nothing was changed, and this will not be done.</p>
<p>Your agent is told so when it repeats its call. You can tell it what to do instead.</p>`
  return page({ heading: yes ? 'Approved' : 'Declined', body, visitor })
}

/** The same for every code that cannot be decided here, whosever it is: who guesses learns nothing. */
export function nothingWaitsPage(visitor: Visitor): Page {
  return page({
    status: 404,
    visitor,
    heading: 'Nothing waits under this code',
    body: html`<p>It is mistyped, was decided already, is older than 10 minutes, or was asked for by somebody else.</p>
<p>Check the code and as whom you are signed in. Your agent gets a new code by making its call again.</p>
<p><a href="/approve">Enter another code</a></p>`,
  })
}

export function noSuchPage(): Page {
  return page({
    status: 404,
    heading: 'There is no such page',
    body: html`<p><a href="/approve">Enter the code of an approval</a></p>`,
  })
}

export function wrongMethodPage(allow: string): Page {
  return page({
    status: 405,
    headers: { allow },
    heading: 'That cannot be done here',
    body: html`<p>Nothing was decided. <a href="/approve">Enter the code of an approval</a></p>`,
  })
}

export function refusalPage({ status, problem, headers }: Refusal): Page {
  return page({ status, headers, heading: headingOf(status), body: words(problem) })
}

/** What the state, the audit log or the misses say: they are not there, or have had enough. */
export function troublePage(problem: Problem): Page {
  const { code, outcome, retry_after_ms } = problem
  const status = code === 'RATE_LIMITED' ? 429 : 503
  return page({
    status,
    ...(retry_after_ms !== undefined && {
      headers: { 'retry-after': String(Math.ceil(retry_after_ms / 1000)) },
    }),
    heading: headingOf(status),
    body: html`<p class="lead">${outcome === 'not_started' ? 'Nothing was decided.' : UNSURE}</p>${words(problem)}`,
  })
}

/** Says nothing of what happened: that is for the log. */
export function failurePage(mayHaveDecided: boolean): Page {
  return page({
    status: 500,
    heading: 'The server failed',
    body: html`<p>${mayHaveDecided ? UNSURE : 'Nothing was decided.'} The server log has the details.</p>`,
  })
}

const UNSURE =
  'It is not known whether your decision was recorded. Open the address again: if it still asks, it was not.'

const HEADINGS: Record<number, string> = {
  401: 'Not signed in',
  403: 'Not allowed',
  429: 'Too many attempts',
  503: 'Not available just now',
}

const headingOf = (status: number) => HEADINGS[status] ?? 'That did not work'

const words = ({ message, hint }: Problem) => html`<p>${shown(message, 500)}</p><p>${shown(hint, 500)}</p>`
