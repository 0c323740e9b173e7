import { createHash } from 'node:crypto'

/**
 * The whole look of the page. It has no colour without a word that says the same, and nothing moves. Text stands out from
 * what is behind it by 4.5 to 1 and more, in the dark as well.
 */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f3f5f8; --card: #ffffff; --text: #1a2029; --soft: #4a5565; --line: #7d8898; --rule: #d9dee6;
  --yes: #14532d; --on-yes: #ffffff; --focus: #0b57d0;
  --bad: #7f1616; --bad-back: #fdeceb; --bad-line: #b3261e; --good-back: #e9f5ee; --good-line: #2f7d4f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #10151b; --card: #1a212a; --text: #e8ecf1; --soft: #b4bfcc; --line: #8d99a8; --rule: #333d49;
    --yes: #86dba4; --on-yes: #06210f; --focus: #8ab8ff;
    --bad: #ffd0cc; --bad-back: #3a1515; --bad-line: #ff8a80; --good-back: #16291d; --good-line: #6cc08b;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; padding: 1rem; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere;
}
header, main { max-width: 40rem; margin: 0 auto; }
header { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; color: var(--soft); }
header p { margin: 0; }
header p:first-child { margin-right: auto; font-weight: 600; }
main { margin-top: 1rem; padding: 1.5rem; background: var(--card); border: 1px solid var(--rule); border-radius: .75rem; }
h1 { margin: 0 0 1rem; font-size: 1.5rem; line-height: 1.25; }
h2 { margin: 1.5rem 0 .25rem; font-size: 1rem; }
p, ul { margin: 0 0 .75rem; }
ul { padding-left: 1.25rem; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .125rem 1rem; margin: 1.5rem 0; padding-top: 1rem; border-top: 1px solid var(--rule); }
dt { color: var(--soft); }
dd { margin: 0; }
code { font: .95em/1.5 ui-monospace, monospace; }
.lead { font-size: 1.125rem; }
.soft { color: var(--soft); }
.note { margin: .5rem 0 .75rem; padding: .75rem 1rem; border-left: .375rem solid var(--good-line); border-radius: .25rem; background: var(--good-back); }
.bad { color: var(--bad); background: var(--bad-back); border-color: var(--bad-line); }
.final { font-size: 1.25rem; font-weight: 700; border: .1875rem solid var(--bad-line); border-left-width: .75rem; }
label { display: block; font-weight: 600; }
input {
  width: 100%; margin: .25rem 0 1rem; padding: .625rem .75rem; border: 2px solid var(--line); border-radius: .5rem;
  background: var(--card); color: var(--text); font: 1rem/1.5 ui-monospace, monospace;
}
[aria-invalid] { border-color: var(--bad-line); }
button {
  min-height: 2.75rem; padding: .5rem 1.5rem; border: 2px solid var(--line); border-radius: .5rem;
  background: var(--card); color: var(--text); font: 600 1rem/1.5 system-ui, sans-serif; cursor: pointer;
}
.yes { border-color: var(--yes); background: var(--yes); color: var(--on-yes); }
.choice { display: flex; flex-wrap: wrap; gap: .75rem; }
.choice button { flex: 1 1 8rem; }
a { color: inherit; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
@media (max-width: 30rem) { body { padding: .5rem; } main { padding: 1rem; } dl { grid-template-columns: 1fr; } dd { margin-bottom: .5rem; } }
`

/** By which a browser knows that this is the one style it may apply. */
export const STYLE_HASH = `sha256-${createHash('sha256').update(STYLE).digest('base64')}`
