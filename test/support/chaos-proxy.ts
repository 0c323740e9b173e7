import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** What is to become of one exchange. Bytes are counted from the beginning of its request, or of its answer. */
export type Trouble =
  /** The connection is reset when so many bytes of the request have been passed on. */
  | { how: 'reset request'; after: number }
  /** The same for the answer; with 0 the request has been handled, and nobody hears of it. */
  | { how: 'reset answer'; after: number }
  /** The connection ends in good order, but so early. */
  | { how: 'truncate'; after: number }
  /** The request is taken and never seen again. */
  | { how: 'blackhole' }
  /** The request is handled; its answer is lost. */
  | { how: 'lose answer' }
  /** The request is passed on when this is resolved. */
  | { how: 'delay'; until: Promise<unknown> }
  /** The answer comes one byte at a time. */
  | { how: 'drip' }
  /** The request is delivered a second time before its first answer is passed on. */
  | { how: 'duplicate' }

export interface ChaosProxy {
  /** Origin, without a slash at the end. */
  url: string
  /** Taken in order, one an exchange. No more troubles, no trouble. */
  readonly troubles: (Trouble | undefined)[]
  /** How many bytes were passed on for each exchange, in order. */
  readonly exchanges: { asked: number; answered: number }[]
  /** From now on nobody is listening. */
  refuse(): Promise<void>
  /** Listens again, at the same address. */
  accept(): Promise<void>
}

/** A TCP proxy on 127.0.0.1 for the running test. It knows no HTTP, only that an answer follows a request. */
export async function chaosProxy(target: string): Promise<ChaosProxy> {
  const { hostname, port } = new URL(target)
  const dial = () => hold(connect(Number(port), hostname))
  const proxy = { troubles: [] as ChaosProxy['troubles'], exchanges: [] as ChaosProxy['exchanges'] }
  const sockets = new Set<Socket>()
  const hold = (socket: Socket) => {
    sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => {})
    return socket.on('close', () => sockets.delete(socket))
  }
  const server = createServer((client) => relay(hold(client), dial(), dial, proxy))

  let at = 0
  const accept = async () => {
    await new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve))
    at = (server.address() as AddressInfo).port
  }
  const refuse = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
    })
  await accept()
  onTestFinished(refuse)
  return { url: `http://127.0.0.1:${at}`, ...proxy, refuse, accept }
}

function relay(
  client: Socket,
  server: Socket,
  dial: () => Socket,
  { troubles, exchanges }: Pick<ChaosProxy, 'troubles' | 'exchanges'>,
): void {
  let trouble: Trouble | undefined
  let seen: ChaosProxy['exchanges'][number] | undefined
  let request: Buffer[] = []
  /** What is still to be passed back, whatever the server does. */
  let owed: Promise<unknown> = Promise.resolve()

  const reset = () => {
    client.resetAndDestroy()
    server.resetAndDestroy()
  }
  const passOn = (chunk: Buffer) => {
    seen!.asked += chunk.length
    server.write(chunk)
  }
  const passBack = (chunk: Buffer) => {
    seen!.answered += chunk.length
    client.write(chunk)
  }

  client.on('data', (chunk) => {
    if (!seen || seen.answered > 0) {
      // Whoever speaks after an answer begins something new.
      seen = { asked: 0, answered: 0 }
      exchanges.push(seen)
      trouble = troubles.shift()
      request = []
    }
    request.push(chunk)
    if (trouble?.how === 'blackhole') return
    if (trouble?.how === 'delay') {
      client.pause()
      trouble.until.then(() => {
        passOn(chunk)
        client.resume()
      })
    } else if (trouble?.how === 'reset request' && seen.asked + chunk.length >= trouble.after) {
      passOn(chunk.subarray(0, trouble.after - seen.asked))
      // What was written has to arrive before the end of it.
      server.write('', () => setImmediate(reset))
    } else passOn(chunk)
  })

  server.on('data', (chunk) => {
    const room = trouble && 'after' in trouble ? trouble.after - seen!.answered : Number.POSITIVE_INFINITY
    if (trouble?.how === 'lose answer') return
    if (trouble?.how === 'drip') {
      for (const byte of chunk)
        owed = owed
          .then(() => new Promise((resolve) => setImmediate(resolve)))
          .then(() => passBack(Buffer.of(byte)))
    } else if (trouble?.how === 'duplicate') {
      trouble = undefined
      const second = dial()
      second.write(Buffer.concat(request))
      const handled = new Promise((resolve) => second.once('data', resolve))
      owed = handled.then(() => second.destroy()).then(() => passBack(chunk))
    } else if (trouble?.how === 'reset answer' && chunk.length >= room) {
      passBack(chunk.subarray(0, room))
      setImmediate(reset)
    } else if (trouble?.how === 'truncate' && chunk.length >= room) {
      client.end(chunk.subarray(0, room))
      server.destroy()
    } else passBack(chunk)
  })

  client.on('close', () => server.destroy())
  server.on('close', () => void owed.then(() => client.end()))
}
