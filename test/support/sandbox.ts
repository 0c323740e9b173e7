import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { bundleInto } from './bundle.ts'
import { type ClientKind, connect, type Person, type TestClient } from './clients.ts'
import { impurities, type ServerOptions, type ServerProcess, startServer } from './server.ts'

export interface Sandbox {
  /** A private directory; `root` (what may be captured) and `home` (the store) lie below it, side by side. */
  dir: string
  root: string
  home: string
  /** Starts a server; at the end of the test it must leave cleanly, having kept both streams pure. */
  server(options?: Partial<ServerOptions>): ServerProcess
  /** Starts a server and opens a client on it. */
  open(kind?: ClientKind, options?: Partial<ServerOptions> & { person?: Person }): Promise<TestClient>
}

/** A fresh sandbox for the running test, removed after it. */
export function sandbox(): Sandbox {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'snapshot-mcp-')))
  const box = { dir, root: join(dir, 'root'), home: join(dir, 'home') }
  mkdirSync(box.root)
  onTestFinished(() => remove(dir))

  const server = (options: Partial<ServerOptions> = {}) => {
    const process = startServer({
      home: box.home,
      roots: [box.root],
      entry: { bundle: bundleInto(dir) },
      ...options,
    })
    onTestFinished(async () => {
      const killed = await Promise.race([process.exit, undefined])
      if (!killed) await process.stop()
      expect(impurities(process)).toEqual([])
    })
    return process
  }
  return {
    ...box,
    server,
    open: (kind = 'SDK v2', { person, ...options } = {}) => connect(kind, server(options), person),
  }
}

/** rm copes with what Node's own rm does not: paths over PATH_MAX and directories without permissions. */
export function remove(dir: string): void {
  execFileSync('chmod', ['-R', 'u+rwX', dir], { stdio: 'ignore' })
  execFileSync('rm', ['-rf', dir])
}
