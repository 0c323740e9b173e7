import { describe, expect, test } from 'vitest'
import { isSecretFile, redact } from '../../../src/providers/local/secrets.ts'

/** Put together here, so that no scanner takes this file for a leak. */
const fake = (...parts: string[]) => parts.join('')
const x = (count: number) => 'aB3'.repeat(count).slice(0, count)

describe('a token in a line', () => {
  test.each([
    ['aws-key', fake('AKIA', 'ABCDEFGHIJKLMNOP')],
    ['aws-key', fake('ASIA', 'ABCDEFGHIJKLMNOP')],
    ...['p', 'o', 'u', 's', 'r'].map((kind) => ['github-token', fake('gh', kind, '_', x(36))]),
    ['github-token', fake('github', '_pat_', x(60))],
    ['slack-token', fake('xox', 'b-', '1234567890-', x(20))],
    ['digitalocean-token', fake('dop', '_v1_', 'abcdef0123456789'.repeat(4))],
    ['api-key', fake('sk', '-ant-', x(40))],
    ['api-key', fake('sk', '-proj-', x(40))],
    ['google-key', fake('AIza', x(35))],
    // Of its 64 letters two are no word characters: one in 32 keys ends with such a letter.
    ['google-key', fake('AIza', x(34), '-')],
    ['gitlab-token', fake('glpat', '-', x(20))],
    ['gitlab-token', fake('glrt', '-', x(20))],
    ['hugging-face-token', fake('hf', '_', x(34))],
    ['npm-token', fake('npm', '_', x(36))],
    ['pypi-token', fake('pypi', '-AgEIcHlwaS5vcmc', x(60))],
    ['api-key', fake('sk', '_live_', x(24))],
    ['azure-key', fake('AccountName=store;AccountKey=', x(86), '==;EndpointSuffix=core')],
    ['authorization', fake('Authorization: Bearer ', x(22))],
    ['authorization', fake('"Authorization": "Basic ', x(22), '=="')],
    ['authorization', fake('curl -H "authorization: bearer ', x(40), '"')],
    ['jwt', fake('eyJ', x(20), '.eyJ', x(40), '.', x(30))],
    ['password-in-url', fake('postgres://user:', 'hunter22', '@db.example/x')],
    ['credential', fake('password = "', 'hunter22!', '"')],
    ['credential', fake('"api_key": "', x(12), '"')],
    ['credential', fake("AccessToken: '", x(12), "'")],
    ['credential', fake('DB_PASSWORD="', 'hunter22!', '"')],
    ['credential', fake('"client_secret": "', x(12), '"')],
    ['credential', fake('export AWS_SECRET_ACCESS_KEY="', x(40), '"')],
    ['credential', fake("SECRET_KEY = 'django-insecure-", x(50), "'")],
    ['credential', fake('secretKey: "', x(16), '"')],
    ['credential', fake('"token": "', x(20), '"')],
    ['credential', fake('"private_token": "', x(20), '"')],
    ['credential', fake("AUTH_TOKEN_VALUE='", x(12), "'")],
    ['credential', fake("'api-key' => '", x(12), "',")],
    ['credential', fake('token := "', x(20), '"')],
    ['credential', fake('{\\"accessToken\\":\\"', x(20), '\\"}')],
    ['credential', fake('storage_account_key = "', x(86), '=="')],
    ['credential', fake('credentials: "user1:', x(10), '"')],
    ['credential', fake('password_hash: "$2b$10$', x(53), '"')],
    ['credential', fake('"client_secret": "', x(1000), '"')],
    // Not one digit, and yet too long for a word.
    ['credential', fake('"refresh_token": "', 'aBcDeFgH'.repeat(5), '"')],
  ] as [string, string][])('%s: %s', (type, secret) => {
    for (const line of [secret, `const key = ${secret}`, `  "x": ["${secret}", 1]`, `${secret}\r`])
      expect(redact(`fine\n${line}\nalso fine`)).toBe(`fine\n[redacted: ${type}]\nalso fine`)
  })

  test.each([...['', 'RSA ', 'EC ', 'OPENSSH ', 'ENCRYPTED '].map((kind) => [kind, '']), ['PGP ', ' BLOCK']])(
    'a %sprivate key%s goes as a whole',
    (kind, block) => {
      const mark = (what: string) => `-----${what} ${kind}${fake('PRIVATE', ' KEY')}${block}-----`
      const key = [mark('BEGIN'), x(64), x(64), mark('END')].join('\n')
      expect(redact(`before\n${key}\nbetween\n${key}\nafter`)).toBe(
        'before\n[redacted: private-key]\nbetween\n[redacted: private-key]\nafter',
      )
      expect(redact(`before\n${mark('BEGIN')}\n${x(64)}\nwithout an end`)).toBe(
        'before\n[redacted: private-key]',
      )
    },
  )

  test.each([
    'const password = readPassword()',
    'export const skip = ["sk-"]',
    'see https://example.com/a:b@c',
    'ghp_short',
    'a password: six letters or more',
    '+import { secret } from "./secret.ts"',
    'const token = await fetchToken(2)',
    'token: string | undefined',
    'const token = nextToken()',
    'password: string',
    'secretary = "Ann Smith"',
    "secretariat: 'building-12'",
    "const reply = await fetch(url, { credentials: 'include' })",
    'credentials: "same-origin",',
    'tokenizer: "cl100k_base",',
    'const PASSWORD_FIELD = "password-field"',
    'TOKEN_URL = "https://auth.example.com/v2/token"',
    "if (token === 'identifier1') next()",
    'type TokenKind = "identifier" | "number"',
    "import { tokenOf } from './token-2.ts'",
    '<input type="password" id="field-1234">',
    'expect(secret).toBe("value-12345")',
    'the bearer of this, on a basic understanding',
    'Authorization: Bearer <your-token-from-step-2>',
    'sharedKey ? encrypt(key1) : plain',
    'npm_config_registry=https://registry.npmjs.org',
    'hf_transfer==0.1.8',
  ])('%s is no secret', (line) => {
    expect(redact(line)).toBe(line)
  })

  test.each([
    fake('password: ', 'hunter22x'),
    fake('aws_secret_access_key = ', x(20)),
    fake('export API_TOKEN=', x(20)),
    fake('DATABASE_', 'PASS=', x(20)),
  ])('%s is one without quotes', (line) => {
    for (const end of ['', '\r', '  ']) expect(redact(`${line}${end}`)).toBe('[redacted: credential]')
  })

  test('a long line of what looks like the start of tokens takes no long time', () => {
    const line = fake('eyJ', 'a'.repeat(200_000), '.eyJ').repeat(3)
    const begun = performance.now()
    const others = ['sk-', 'a://b:', 'token', 'secret_', 'bearer ', 'token="', 'AccountKey=', 'password: "a']
    redact([line, ...others.map((start) => start.repeat(100_000))].join('\n'))
    expect(performance.now() - begun).toBeLessThan(5000)
  })
})

describe('a file whose content is never shown', () => {
  test.each([
    '.env',
    '.env.local',
    'config/.ENV',
    'deploy/prod.env',
    'server.pem',
    'deploy/id_ed25519',
    'keys/signing.key',
    'a.p12',
    'vault.kdbx',
    '.npmrc',
    '.netrc',
    '_netrc',
    '.pgpass',
    '.git-credentials',
    'credentials',
    'aws/credentials.json',
    'kubeconfig',
    'my-secrets.yaml',
    'service-account-prod.json',
    '.ssh/config',
    'home/.aws/config',
    '.docker/config.json',
  ])('%s', (path) => {
    expect(isSecretFile(path)).toBe(true)
  })

  test.each([
    'env',
    'environment.ts',
    'src/key.ts',
    'keyboard.js',
    'id.txt',
    'ssh/config',
    'README.md',
    'a.env.md',
  ])('not %s', (path) => {
    expect(isSecretFile(path)).toBe(false)
  })
})
