import {
  exportJWK,
  exportSPKI,
  generateKeyPair,
  importJWK,
  type JWK,
  type JWTHeaderParameters,
  SignJWT,
} from 'jose'
import { NOON } from '../snapshots/world.ts'
import { door, served } from './gate-world.ts'

export const ISSUER = 'https://login.example.org/'
export const PUBLIC = 'https://snapshots.example.org'
export const AUDIENCE = `${PUBLIC}/mcp`
export const NOW = NOON / 1000

export const pair = await generateKeyPair('RS256', { extractable: true })
export const second = await generateKeyPair('RS256', { extractable: true })
export const stranger = await generateKeyPair('RS256', { extractable: true })
export const elliptic = await generateKeyPair('ES256', { extractable: true })

export const spki = new TextEncoder().encode(await exportSPKI(pair.publicKey))
export const longer = (await importJWK(await exportJWK(pair.privateKey), 'RS384')) as typeof pair.privateKey
export const foreign = await exportJWK(stranger.publicKey)

export const jwk = async ({ publicKey }: typeof pair, kid: string): Promise<JWK> => ({
  ...(await exportJWK(publicKey)),
  kid,
})

/** In place of a status: no answer comes. */
export const SILENT = 0

/** An issuer on loopback, which counts who asks it for anything. */
export async function issuer() {
  const state = {
    keys: [await jwk(pair, 'one')] as unknown,
    status: 200,
    asked: [] as (string | undefined)[],
    waiting: 0,
  }
  const url = await served((req, res) => {
    state.asked.push(req.url)
    if (state.status === SILENT) {
      state.waiting++
      return res.on('close', () => state.waiting--)
    }
    res.writeHead(state.status, { location: '/elsewhere' }).end(JSON.stringify({ keys: state.keys }))
  })
  return { url, jwks: `${url}/jwks`, state }
}

interface Signing {
  header?: { [K in keyof JWTHeaderParameters]?: JWTHeaderParameters[K] | undefined }
  key?: typeof pair.privateKey | Uint8Array
}

/** A token that is good, but for what is said; a claim that is undefined is left out. */
export function signed(
  claims: Record<string, unknown> = {},
  { header = {}, key = pair.privateKey }: Signing = {},
) {
  const all = { iss: ISSUER, aud: AUDIENCE, sub: 'ann', exp: NOW + 300, scope: 'snapshots:read', ...claims }
  const payload = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
  return new SignJWT(payload)
    .setProtectedHeader(JSON.parse(JSON.stringify({ alg: 'RS256', kid: 'one', ...header })))
    .sign(key)
}

export async function guarded({
  oauth = {},
  ...more
}: {
  oauth?: object
  tenants?: object
  tokens?: object[]
} = {}) {
  const { url, jwks, state } = await issuer()
  const access = { ...more, oauth: { issuer: ISSUER, jwks, ...oauth } }
  const entrance = await door({ access, listening: { host: '127.0.0.1', port: 0, publicUrl: PUBLIC } })
  return { ...entrance, access, url, state }
}
