import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createSlowReaders } from '../../src/http/slow-readers.ts'

/** More than the sockets of any system take in by themselves. */
const MUCH = Buffer.alloc(64 * 2 ** 20, 'x')

/** A server that answers at once with so much, and a client of it that has asked. */
async function streaming() {
  let now = 0
  const slow = createSlowReaders(() => now)
  const closed = vi.fn()
  const server = createServer((_req, res) => {
    res.once('close', closed)
    res.writeHead(200, { 'content-length': 2 * MUCH.length }).write(MUCH)
  })
  server.on('connection', slow.watch)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  onTestFinished(() => {
    socket.destroy()
    server.closeAllConnections()
    server.close()
  })
  socket.on('error', () => {})
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  const later = (ms: number) => {
    now += ms
    slow.sweep()
  }
  return { socket, closed, later }
}

test('a client that does not read is cut off after half a minute in which nothing left', async () => {
  const { socket, closed, later } = await streaming()
  await new Promise((resolve) => socket.once('readable', resolve))
  later(0)
  later(30_000)
  expect(closed).not.toHaveBeenCalled()
  later(1)
  await vi.waitFor(() => expect(closed).toHaveBeenCalledOnce())
})

test('a client that has read all there is and waits for more is not cut off', async () => {
  const { socket, closed, later } = await streaming()
  let read = 0
  await new Promise<void>((resolve) =>
    socket.on('data', (part) => {
      read += part.length
      if (read > MUCH.length) resolve()
    }),
  )
  await new Promise((resolve) => setImmediate(resolve))
  for (let count = 0; count < 100; count++) later(20_000)
  expect(closed).not.toHaveBeenCalled()
})
