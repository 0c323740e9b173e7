import { fail } from '../snapshots/errors.ts'
import type { Given } from './settings.ts'

/** How the server is reached over HTTP. */
export interface Listening {
  host: string
  port: number
  /** As clients reach it, without a path or a slash at the end. Absent: by its address. */
  publicUrl?: string
  /** Names that a Host header may give, in small letters, without a port. */
  hosts: readonly string[]
  /** Those of them that stand for the address: with the port they are origins of the server itself. */
  ownNames: readonly string[]
  /** Whole origins that an Origin header may give beside those. */
  origins: readonly string[]
  legacy: 'sessions' | 'stateless' | 'reject'
  replicas: number
  limits: Limits
}

export interface Limits {
  /** Requests of one caller in a minute. */
  rate: number
  /** Calls of one caller at once. */
  concurrency: number
  connections: number
}

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]']
const WILDCARDS = ['0.0.0.0', '0', '::', '[::]']

/** INVALID_ARGUMENT for what would let strangers in. */
export function listeningOf(given: Given): Listening {
  const host = given.host ?? '127.0.0.1'
  const name = hostName(host)
  const isLocal = isLoopback(name)
  const publicUrl = given.public_url === undefined ? undefined : new URL(given.public_url)
  const publicName = publicUrl?.hostname
  if (!isLocal && given.access === undefined)
    throw fail(
      'INVALID_ARGUMENT',
      `--host ${host} can be reached by others, and nothing says who may call.`,
      'Give an access file with --access, or listen on 127.0.0.1.',
    )
  // What has a public name is reached through a proxy, to which everybody's requests come from this machine.
  if (publicName !== undefined && !isLoopback(publicName) && given.access === undefined)
    throw fail(
      'INVALID_ARGUMENT',
      `--public-url ${given.public_url} is for others to call, and nothing says who may.`,
      'Give an access file with --access, or leave the public URL out.',
    )
  if (WILDCARDS.includes(host) && publicName === undefined)
    throw fail(
      'INVALID_ARGUMENT',
      `--host ${host} has no name that a request could be checked against.`,
      'Say how clients reach this server with --public-url.',
    )
  const replicas = given.replicas ?? 1
  const legacy = given.legacy ?? (replicas > 1 ? 'stateless' : 'sessions')
  const names = [...(isLocal ? LOOPBACK : []), ...(WILDCARDS.includes(host) ? [] : [name])]
  const ownNames = [...new Set(names)]
  return {
    host: host.replace(/^\[(.*)\]$/, '$1'),
    port: given.port ?? 8484,
    ...(given.public_url !== undefined && { publicUrl: given.public_url }),
    hosts: [...new Set([...ownNames, ...(publicName === undefined ? [] : [publicName])])],
    ownNames,
    origins: [...new Set([...(publicUrl ? [publicUrl.origin] : []), ...(given.allow_origins ?? [])])],
    legacy,
    replicas,
    limits: {
      rate: given.rate_limit ?? 1200,
      concurrency: given.max_concurrency ?? 32,
      connections: given.max_connections ?? 1024,
    },
  }
}

/** As it stands in a URL. */
const hostName = (host: string) =>
  (host.includes(':') && !host.startsWith('[') ? `[${host}]` : host).toLowerCase()

/** `hostname` is that of a URL: an IPv4 address in four decimal numbers, an IPv6 address in brackets. */
export const isLoopback = (hostname: string) =>
  hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)
