import { showCode, type Waiting } from '../../guard/approvals.ts'
import { TYPED } from '../../guard/question.ts'
import { effectLines } from '../../mcp/tools/effects.ts'
import { count } from '../../mcp/tools/wording.ts'
import { plain } from '../../snapshots/plain.ts'
import { faultOf } from './forms.ts'
import { type Html, html, NOTHING, shown } from './html.ts'
import { addressOf, type Page, page, type Visitor } from './layout.ts'

/** Characters. What counts comes first in each: what is cut off are names. */
const LONGEST = { summary: 800, line: 500, subject: 200 }
const MOST_LINES = 12

export interface PlanPage {
  waiting: Waiting
  visitor: Visitor
  /** Goes along with the decision, sealed. */
  form: string
  /** What was wrong with the characters that were typed. */
  wrong?: Html
}

/** The plan, and the two buttons. */
export function planPage({ waiting: { code, approval }, visitor, form, wrong }: PlanPage): Page {
  const { type, provider, principal, view, subject, created, expires } = approval
  const mayApprove = view.reversible || subject
  const body = html`${wayBack(view)}
<p class="lead">${shown(view.summary, LONGEST.summary)}</p>
${lines('Warnings', view.warnings)}
${lines('What it would do', effectLines(view.effects))}
<dl>
<dt>Operation</dt><dd>${shown(type, 40)} with the provider ${shown(provider, 40)}</dd>
<dt>Asked by</dt><dd>an agent that works for ${shown(principal, 100)}</dd>
<dt>Asked at</dt><dd>${time(created)}</dd>
<dt>Decide before</dt><dd>${time(expires)}</dd>
<dt>Code</dt><dd><code>${showCode(code)}</code></dd>
</dl>
<form method="post" action="${addressOf(code)}">
<input type="hidden" name="form" value="${form}">
${view.reversible || !subject ? NOTHING : typing(subject, wrong)}
${mayApprove ? NOTHING : html`<p class="note bad">It was asked for by an older version of the server, so it cannot be approved here. Let your agent ask again.</p>`}
<div class="choice">
${mayApprove ? html`<button class="yes" name="decision" value="approve">Approve</button>` : NOTHING}
<button name="decision" value="decline" formnovalidate>Decline</button>
</div>
</form>`
  return page({ heading: `Allow this ${plain(type, 40)}?`, body, visitor, ...(wrong && { status: 422 }) })
}

function wayBack({ reversible, undo_until }: Waiting['approval']['view']): Html {
  if (!reversible) return html`<p class="note bad final">This cannot be undone.</p>`
  const until = undo_until === undefined ? NOTHING : html` until ${time(Date.parse(undo_until))}`
  return html`<p class="note">Can be undone${until}.</p>`
}

/** A tick is too easily given where there is no way back. */
function typing(subject: string, wrong: Html | undefined): Html {
  const fault = faultOf('typed', wrong)
  return html`<label for="typed">This cannot be undone. To approve it, type the last ${TYPED} characters of <code>${shown(subject, LONGEST.subject)}</code></label>
${fault.message}
<input id="typed" name="typed" autocomplete="off" autocapitalize="off" autocorrect="off" spellcheck="false" required${wrong ? html` autofocus` : NOTHING}${fault.link}>`
}

function lines(heading: string, all: readonly string[]): Html {
  if (all.length === 0) return NOTHING
  const rest = all.length - MOST_LINES
  const items = all.slice(0, MOST_LINES).map((line) => html`<li>${shown(line, LONGEST.line)}</li>`)
  const more = rest > 0 ? html`<li>and ${count(rest, 'more line')}</li>` : NOTHING
  return html`<h2>${heading}</h2>
<ul>${items}${more}</ul>`
}

/** `2026-11-21 12:00:00 UTC` */
function time(at: number): Html {
  const iso = new Date(at).toISOString()
  return html`<time datetime="${iso}">${iso.slice(0, 19).replace('T', ' ')} UTC</time>`
}
