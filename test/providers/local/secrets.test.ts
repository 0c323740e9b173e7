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
    ['jwt', fake('eyJ', x(20), '.eyJ', x(40), '.', x(30))],
    ['password-in-url', fake('postgres://user:', 'hunter22', '@db.example/x')],
    ['credential', fake('password = "', 'hunter22!', '"')],
    ['credential', fake('"api_key": "', x(12), '"')],
    ['credential', fake("AccessToken: '", x(12), "'")],
    ['credential', fake('DB_PASSWORD="', 'hunter22!', '"')],
    ['credential', fake('"client_secret": "', x(12), '"')],
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
  ])('%s is no secret', (line) => {
    expect(redact(line)).toBe(line)
  })

  test.each([
    fake('password: ', 'hunter22x'),
    fake('aws_secret_access_key = ', x(20)),
    fake('export API_TOKEN=', x(20)),
    fake('DATABASE_', 'PASS=', x(20)),
  ])('%s is one without quotes', (line) => {
    expect(redact(line)).toBe('[redacted: credential]')
  })

  test('a long line of what looks like the start of tokens takes no long time', () => {
    const line = fake('eyJ', 'a'.repeat(200_000), '.eyJ').repeat(3)
    const begun = performance.now()
    redact(`${line}\n${'sk-'.repeat(100_000)}\n${'a://b:'.repeat(50_000)}`)
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
