import { type Html, html, NOTHING } from './html.ts'
import { addressOf, type Page, page } from './layout.ts'

/** Asks for a token, to see what waits under a code. */
export function signInPage({
  code,
  wrong,
  status,
  headers,
}: {
  code: string
  wrong?: Html
  status?: number
  headers?: Readonly<Record<string, string>>
}): Page {
  const fault = faultOf('token', wrong)
  const body = html`<p>Sign in as the one whose agent asks, with the token that the operator of this server gave you; on a server of your own it is in the file <code>approver.key</code> of its home. No agent may ask you for it.</p>
<form method="post" action="${addressOf(code)}">
<label for="token">Token</label>
${fault.message}
<input id="token" name="token" type="password" autocomplete="off" autocapitalize="off" spellcheck="false" required autofocus${fault.link}>
<button class="yes">Sign in</button>
</form>`
  const heading = wrong ? 'Not signed in' : 'Sign in to decide'
  return page({ heading, body, ...(status && { status }), ...(headers && { headers }) })
}

/** Asks for a code. */
export function codePage(): Page {
  return page({
    heading: 'Which approval?',
    body: html`<form method="get" action="/approve">
<label for="code">Code</label>
<p id="code-hint" class="soft">As your agent was given it, for example <code>ABCD-EFGH</code>.</p>
<input id="code" name="code" autocomplete="off" autocapitalize="characters" spellcheck="false" required autofocus aria-describedby="code-hint">
<button class="yes">Show what is asked</button>
</form>`,
  })
}

/** What is wrong with a field: the sentence above it, and how the field refers to it. */
export function faultOf(field: string, wrong: Html | undefined): { message: Html; link: Html } {
  if (!wrong) return { message: NOTHING, link: NOTHING }
  return {
    message: html`<p id="${field}-wrong" class="note bad" role="alert">${wrong}</p>`,
    link: html` aria-invalid="true" aria-describedby="${field}-wrong"`,
  }
}
