import { readFile, stat } from 'node:fs/promises'
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  type JWTVerifyGetKey,
} from 'jose'
import { othersCanWrite } from '../../config/ownership.ts'
import type { Log } from '../../snapshots/provider.ts'

/** The issuer's keys cannot be had, so that nothing can be said of its tokens. */
export class NoKeys extends Error {}

export interface KeySourceOptions {
  /** Milliseconds. */
  clock: () => number
  log: Log
  fetch?: FetchImplementation
}

/** The keys at the place that the access file names; no token has a say in it. Throws NoKeys, or what jose throws. */
export const issuerKeys = (place: string, options: KeySourceOptions): JWTVerifyGetKey =>
  place.startsWith('file:') ? keysInFile(place.slice('file:'.length), options) : keysAt(place, options)

/** Milliseconds. */
const TIMEOUT = 5_000
/** From then on the issuer is asked again, so that a key that it has withdrawn is dropped. */
const FRESH = 10 * 60_000
/** So long the keys are good where it cannot be asked. */
const USABLE = 60 * 60_000
/** Between two questions: tokens with made-up key ids must not send a request each. */
const PAUSE = 30_000
/** The same, while it does not answer. */
const RETRY = 5_000

function keysAt(url: string, { clock, log, fetch }: KeySourceOptions): JWTVerifyGetKey {
  // When to ask is decided here: on its own it would ask a dead issuer with every request, and forget good keys.
  const remote = createRemoteJWKSet(new URL(url), {
    timeoutDuration: TIMEOUT,
    cooldownDuration: Infinity,
    cacheMaxAge: Infinity,
    ...(fetch && { [customFetch]: fetch }),
  })
  const { host } = new URL(url)
  let answered = -Infinity
  let askAgain = -Infinity
  let isDown = false

  async function ask() {
    if (!remote.reloading && clock() < askAgain) return
    try {
      await remote.reload()
      isDown = false
      answered = clock()
      askAgain = answered + PAUSE
    } catch (error) {
      isDown = true
      askAgain = clock() + RETRY
      log.warn('The keys of the OAuth issuer could not be fetched', { host, error })
    }
  }

  return async (header, token) => {
    const age = clock() - answered
    if (age >= FRESH) {
      // An issuer that did not answer before may hang: nobody waits for it who can do without.
      const canWait = !isDown || age >= USABLE
      const asking = ask()
      if (canWait) await asking
    }
    if (clock() - answered >= USABLE) throw new NoKeys()
    try {
      return await remote(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      await ask()
      if (isDown) throw new NoKeys()
      return remote(header, token)
    }
  }
}

function keysInFile(path: string, { log }: KeySourceOptions): JWTVerifyGetKey {
  let known: { mark: string; keys: JWTVerifyGetKey } | undefined
  let complaint: string | undefined

  async function current(): Promise<JWTVerifyGetKey> {
    const stats = await stat(path)
    if (othersCanWrite(stats)) throw new Error(`${path} can be written by other users`)
    const mark = [stats.ino, stats.size, stats.mtimeMs, stats.ctimeMs].join(' ')
    if (known?.mark !== mark)
      known = { mark, keys: createLocalJWKSet(JSON.parse(await readFile(path, 'utf8'))) }
    return known.keys
  }

  return async (header, token) => {
    const keys = await current().catch((error: Error) => {
      if (error.message !== complaint) log.error('The keys of the OAuth issuer cannot be read', { error })
      complaint = error.message
      throw new NoKeys()
    })
    complaint = undefined
    return keys(header, token)
  }
}
