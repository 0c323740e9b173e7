import type { IncomingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'
import { Agent, type Dispatcher } from 'undici'
import type { Address } from './address.ts'
import type { Time } from './time.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

/** Whether doing it twice is the same as doing it once. */
export const repeatable = (method: Method) => method === 'GET' || method === 'DELETE'

export interface WireRequest extends Address {
  method: Method
  headers: Record<string, string>
  body?: string
  /** How long the other side may think about it. */
  firstByteMs: number
}

export interface Arrival {
  status: number
  headers: IncomingHttpHeaders
  body: Readable
}

/** Why there is no answer: `stopped` by the caller's signal, `oversized` and `broken` may also end one half read. */
export interface Failure {
  why: 'unreachable' | 'timeout' | 'broken' | 'oversized' | 'stopped'
  /** False only when not one byte of the request can have left. */
  sent: boolean
  cause?: unknown
}

export interface Wire {
  /** Resolves with the head of the answer, or with why there is none. The signal reaches to the end of the body. */
  send(request: WireRequest, signal: AbortSignal): Promise<Arrival | Failure>
  close(): Promise<void>
}

/** HTTP over sockets: no redirects, no retries. `connectMs` includes the TLS handshake. */
export function createWire({ connectMs, time }: { connectMs: number; time: Time }): Wire {
  // Time is kept here, where it can be replaced; undici's own alarms would be a second opinion.
  const options = { connect: { timeout: connectMs }, headersTimeout: 0, bodyTimeout: 0 }
  const kept = new Agent(options)
  // What cannot be repeated gets a connection of its own: a kept one may be closing just now on the other side, and
  // then nobody could tell whether the request was received.
  const fresh = new Agent({ ...options, pipelining: 0 })

  const send = (request: WireRequest, signal: AbortSignal) =>
    new Promise<Arrival | Failure>((resolve) => {
      let control: Dispatcher.DispatchController | undefined
      let body: Readable | undefined
      let over = false
      let disarm = () => {}

      const failed = (why: Failure['why'], cause?: unknown): Failure => ({
        why,
        sent: control !== undefined,
        cause,
      })
      const finish = () => {
        over = true
        disarm()
        signal.removeEventListener('abort', abort)
      }
      const stop = (why: Failure['why']) => {
        finish()
        resolve(failed(why))
        const reason = new Error(why)
        if (body) body.destroy(reason)
        else control?.abort(reason)
      }
      const abort = () => stop('stopped')
      const allow = (ms: number) => {
        disarm()
        disarm = time.after(ms, () => stop('timeout'))
      }

      if (signal.aborted) return resolve(failed('stopped'))
      signal.addEventListener('abort', abort, { once: true })
      allow(connectMs)
      const { firstByteMs, ...options } = request
      const agent = repeatable(request.method) ? kept : fresh
      agent.dispatch(options, {
        /** There is a connection, and nothing has been written to it yet. */
        onRequestStart(controller) {
          if (over) return controller.abort(new Error('too late'))
          control = controller
          allow(firstByteMs)
        },
        onResponseStart(controller, status, headers) {
          if (status < 200) return
          disarm()
          body = bodyOf(controller)
          resolve({ status, headers, body })
        },
        onResponseData(controller, chunk) {
          if (!body!.push(chunk)) controller.pause()
        },
        onResponseEnd() {
          finish()
          body!.push(null)
        },
        onResponseError(_, error) {
          finish()
          if (body) body.destroy(error)
          else resolve(failed(control ? 'broken' : 'unreachable', error))
        },
      })
    })

  return {
    send,
    close: async () => void (await Promise.all([kept.destroy(), fresh.destroy()])),
  }
}

/** Flows as it is read. Whoever stops reading ends the connection. */
function bodyOf(controller: Dispatcher.DispatchController): Readable {
  const body = new Readable({
    read: () => controller.resume(),
    destroy(error, done) {
      if (!body.readableEnded) controller.abort(error ?? new Error('not wanted'))
      done(error)
    },
  })
  // It may break while nobody is reading; whoever reads on is told.
  return body.on('error', () => {})
}
