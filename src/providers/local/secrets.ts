/**
 * Keeps secrets out of diffs that a model reads. Snapshots themselves hold every byte: a restore without its .env
 * would be wrong.
 */

const SECRET_NAMES = [
  /^\.env(\..+)?$/,
  /\.env$/,
  /\.(pem|key|p12|pfx|jks|keystore|kdbx|ppk)$/,
  /^id_[a-z0-9]+$/,
  /^\.(npmrc|netrc|pypirc|pgpass|git-credentials|htpasswd)$/,
  /^_netrc$/,
  /^credentials(\..+)?$/,
  /^kubeconfig$/,
  /secret/,
  /^service-account.*\.json$/,
]
const SECRET_DIRECTORIES = new Set(['.ssh', '.gnupg', '.aws', '.kube', '.docker', '.azure'])

/** True for a file whose content should never be shown. `path` is readable text. */
export function isSecretFile(path: string): boolean {
  const parts = path.toLowerCase().split('/')
  const name = parts.at(-1) as string
  return (
    SECRET_NAMES.some((pattern) => pattern.test(name)) ||
    parts.slice(0, -1).some((part) => SECRET_DIRECTORIES.has(part))
  )
}

/** What a credential is called, whatever stands before or behind it: `AWS_SECRET_ACCESS_KEY`, `secretKey`, `token`. */
const CALLED =
  '(?:password|passwd|passphrase|_pass|secret(?!ar)|credential|token(?!iz)|(?:api|access|private|account)[_-]?key)'
/** Up to the quote in front of a value: of JSON, also inside of a string, of YAML, an assignment or a map. */
const IS_QUOTED = '[\\\\"\']{0,2}\\s{0,5}(?::=?|=>?)\\s{0,5}\\\\?["\'`]'

/** All of them bounded, so that no line takes long. */
const TOKENS: readonly [type: string, pattern: RegExp][] = [
  ['aws-key', /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/],
  ['github-token', /\b(?:gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{30,255})/],
  ['gitlab-token', /\bgl(?:pat|ptt|dt|rt|cbt|soat)-[A-Za-z0-9_-]{20,200}/],
  ['slack-token', /\bxox[abeoprs]-[A-Za-z0-9-]{10,200}/],
  ['digitalocean-token', /\bdo[opr]_v1_[a-f0-9]{32,128}/],
  ['hugging-face-token', /\bhf_[A-Za-z0-9]{30,200}/],
  ['npm-token', /\bnpm_[A-Za-z0-9]{36}/],
  ['pypi-token', /\bpypi-[A-Za-z0-9_-]{50,300}/],
  ['api-key', /\b(?:sk-|[rs]k_live_)[A-Za-z0-9_-]{20,200}/],
  ['google-key', /\bAIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])/],
  ['azure-key', /\b(?:Account|SharedAccess)Key=[A-Za-z0-9+/]{16,200}/],
  ['jwt', /\beyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8,2000}/],
  ['password-in-url', /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:/@]{1,100}:[^\s:/@]{3,200}@/],
  ['authorization', /\b(?:bearer|basic)\s{1,5}(?=[\w.~+/-]{0,200}\d|[\w.~+/-]{32})[\w.~+/-]{16,200}/i],
  [
    'credential',
    new RegExp(
      `(?:password|passwd|passphrase|_pass|secret|api_?key|access_?token|auth_?token)${IS_QUOTED}[^"'\\s]{6,4000}["'\`]`,
      'i',
    ),
  ],
  // Where the name says less, the value has to look like one: with a digit or too long for a word, and no address.
  [
    'credential',
    new RegExp(
      `${CALLED}[a-z_-]{0,20}${IS_QUOTED}(?!\\w{2,10}://)(?=[^"'\\s]{0,200}\\d|[\\w+/=-]{32})[^"'\\s]{8,4000}["'\`]`,
      'i',
    ),
  ],
  // Without quotes, as in YAML and .ini: only what looks like a value, not like code.
  [
    'credential',
    new RegExp(
      `${CALLED}[a-z_]{0,20}\\s{0,5}[:=]\\s{0,5}(?=\\S{0,200}\\d)[^\\s"'(){}[\\],;]{8,200}\\s{0,5}$`,
      'i',
    ),
  ],
]

const PRIVATE_KEY =
  /-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----|$)/g

/** Replaces private keys, and each line that holds something secret-looking. */
export function redact(text: string): string {
  return text
    .replace(PRIVATE_KEY, '[redacted: private-key]')
    .split('\n')
    .map((line) => {
      const hit = TOKENS.find(([, pattern]) => pattern.test(line))
      return hit ? `[redacted: ${hit[0]}]` : line
    })
    .join('\n')
}
