import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { connect } from '../../test/support/clients.ts'
import { confirmed } from '../../test/support/confirm.ts'
import { PROJECT, startServer } from '../../test/support/server.ts'

/** One way to keep and bring back a directory. An operation that it does not have is absent. */
export interface Contestant {
  name: string
  /** What it promises about a power cut. */
  durability: string
  /** The commands, for the reader. */
  how: string
  open(root: string, dir: string): Promise<Session>
}

export interface Session {
  /** Where it keeps what it saved. */
  store: string
  save(): Promise<void>
  /** Saves once more and returns nothing: the tree may be unchanged or slightly edited. */
  again?(): Promise<void>
  /** Brings the tree back to the first save. */
  restoreInPlace?(): Promise<void>
  /** Writes the first save to a path that does not exist. */
  restoreNew(to: string): Promise<void>
  close(): Promise<void>
}

export const ours: Contestant = {
  name: '**snapshot-mcp**',
  durability: 'fdatasync of packs, fsync of manifests and directories',
  how: '`snapshot_create`, `snapshot_restore` (plan, then confirmation; safety snapshot included) over stdio',
  async open(root, dir) {
    const home = join(dir, 'home')
    const server = startServer({
      home,
      roots: [dirname(root)],
      entry: { bundle: join(PROJECT, 'dist/snapshot-mcp.js') },
    })
    const client = await connect('SDK v2', server)
    const source = { source: `path:${root}` }
    let first = ''
    return {
      store: join(home, 'store'),
      async save() {
        first = (await client.call('snapshot_create', source)).snapshot.id
      },
      again: async () => void (await client.call('snapshot_create', source)),
      restoreInPlace: async () => void (await confirmed(client, 'snapshot_restore', { snapshot: first })),
      restoreNew: async (to) =>
        void (await client.call('snapshot_restore', { snapshot: first, mode: 'new', to })),
      close: () => server.stop(),
    }
  },
}

/** A shadow repository: GIT_DIR elsewhere, the tree as its work tree, as other checkpoint tools do it. */
export function git(name: string, settings: Record<string, string>): Contestant {
  const shown = Object.entries(settings).map(([key, value]) => `${key}=${value}`)
  return {
    name,
    durability: 'the default of git: references are synced, loose objects are not',
    how: `\`git add -A && git commit\`, \`git reset --hard\`, \`git checkout-index\`${shown.length > 0 ? ` with ${shown.join(', ')}` : ''}`,
    async open(root, dir) {
      const store = join(dir, 'shadow.git')
      const run = (args: string[], env: Record<string, string> = {}) => {
        const all = {
          PATH: process.env.PATH ?? '',
          HOME: dir,
          GIT_CONFIG_NOSYSTEM: '1',
          GIT_DIR: store,
          GIT_WORK_TREE: root,
        }
        return execFileSync('git', args, {
          cwd: root,
          env: { ...all, ...env },
          encoding: 'utf8',
          stdio: 'pipe',
        })
      }
      mkdirSync(store, { recursive: true })
      run(['init', '-q'])
      const config = { 'user.name': 'bench', 'user.email': 'bench@example.com', 'gc.auto': '0', ...settings }
      for (const [key, value] of Object.entries(config)) run(['config', key, value])
      let first = ''
      const save = async () => {
        run(['add', '-A'])
        run(['commit', '-q', '--allow-empty', '--no-verify', '-m', 'checkpoint'])
      }
      return {
        store,
        async save() {
          await save()
          first = run(['rev-parse', 'HEAD']).trim()
        },
        again: save,
        restoreInPlace: async () => void run(['reset', '-q', '--hard', first]),
        async restoreNew(to) {
          const env = { GIT_INDEX_FILE: join(dir, 'other-index'), GIT_WORK_TREE: to }
          mkdirSync(to)
          run(['read-tree', first], env)
          run(['checkout-index', '-a', '-f', `--prefix=${to}/`], env)
        },
        close: async () => {},
      }
    },
  }
}

export const copy: Contestant = {
  name: '`cp -a`',
  durability: 'none',
  how: '`cp -a tree copy`',
  async open(root, dir) {
    const store = join(dir, 'copy')
    return {
      store,
      save: async () => void execFileSync('cp', ['-a', root, store]),
      restoreNew: async (to) => void execFileSync('cp', ['-a', store, to]),
      close: async () => {},
    }
  },
}
