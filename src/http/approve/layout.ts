import { showCode } from '../../guard/approvals.ts'
import type { Identity } from '../identity.ts'
import { type Html, html, NOTHING, shown } from './html.ts'
import { STYLE, STYLE_HASH } from './style.ts'

/** Who looks at a page. */
export interface Visitor {
  identity: Identity
  /** The one that they typed. Absent where each request has one in its header. */
  token?: string
}

/** An answer to a browser. */
export interface Page {
  status: number
  markup: string
  headers?: Readonly<Record<string, string>>
}

export interface PageContent {
  /** The heading, and the first words of the title. */
  heading: string
  body: Html
  visitor?: Visitor | undefined
  status?: number
  headers?: Readonly<Record<string, string>>
}

/**
 * Nothing runs, nothing is loaded, nothing is kept, nobody frames it, and no form of it goes elsewhere. Its address is
 * told to no other site; to ours it is, for with `no-referrer` browsers send forms under the origin `null`, which no
 * server can tell from that of a stranger.
 */
export const HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src '${STYLE_HASH}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'same-origin',
  'cache-control': 'no-store',
}

export function page({ heading, body, visitor, status = 200, headers = {} }: PageContent): Page {
  const { markup } = html`<!doctype html>
<html lang="en" dir="ltr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${heading} - snapshot-mcp</title>
<style>${{ markup: STYLE }}</style>
</head>
<body>
<header>
<p>snapshot-mcp</p>
${visitor ? signedIn(visitor) : NOTHING}
</header>
<main>
<h1>${heading}</h1>
${body}
</main>
</body>
</html>
`
  return { status, markup, headers }
}

function signedIn({ identity: { principal, place } }: Visitor): Html {
  const where = place.tenant === undefined ? NOTHING : html` of ${shown(place.tenant, 80)}`
  return html`<p>Signed in as <strong>${shown(principal, 100)}</strong>${where}</p>`
}

/** Of the page about a code. */
export const addressOf = (code: string) => `/approve/${showCode(code)}`

/** Leads a browser on with a GET, so that a reload repeats nothing. */
export function redirect(location: string): Page {
  return { status: 303, markup: '', headers: { location } }
}
