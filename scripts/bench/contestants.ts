import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { command } from './command.ts'

/** One way to keep and bring back a directory. An operation that it does not have is absent. */
export interface Contestant {
  name: string
  /** What it promises about a power cut. */
  durability: string
  /** The commands, for the reader. */
  how: string
  /** Its restore in place writes everything anew. */
  wholesale?: true
  open(place: Place): Promise<Session>
}

export interface Place {
  /** The tree to save. Its parent may be written to. */
  root: string
  /** An empty directory for what the contestant keeps. */
  dir: string
  /** Fires when everything it started has to end. */
  signal: AbortSignal
}

export interface Session {
  /** Where it keeps what it saved. */
  store: string
  save(): Promise<void>
  /** What comes before a restore in place, where that is a step of its own. */
  planInPlace?(): Promise<void>
  /** Brings the tree back to the first save. */
  restoreInPlace?(): Promise<void>
  /** Writes the first save to a path that does not exist. */
  restoreNew(to: string): Promise<void>
  /** Says what changed between the first save and the newest. */
  diff?(): Promise<void>
  /** Of a contestant that stays in memory: the most it ever occupied, in bytes. */
  peak?(): number | undefined
  /** The same: saves with a process started for it. Milliseconds until it was ready and from there to its answer. */
  saveFresh?(): Promise<{ ready: number; answer: number }>
  close(): Promise<void>
}

/** A shadow repository: GIT_DIR elsewhere, the tree as its work tree, as other checkpoint tools do it. */
export function git(name: string, settings: Record<string, string>): Contestant {
  const shown = Object.entries(settings).map(([key, value]) => `${key}=${value}`)
  return {
    name,
    durability:
      settings['core.fsync'] === 'none'
        ? 'none (`core.fsync=none`)'
        : 'the default of git: references are synced, loose objects are not',
    how: `\`git add -A && git commit\`, \`git reset --hard\`, \`git checkout-index\`, \`git diff-tree\`${shown.length > 0 ? ` with ${shown.join(', ')}` : ''}`,
    async open({ root, dir, signal }) {
      const store = join(dir, 'shadow.git')
      const run = (args: string[], env: Record<string, string> = {}) =>
        command('git', args, {
          cwd: root,
          env: { HOME: dir, GIT_CONFIG_NOSYSTEM: '1', GIT_DIR: store, GIT_WORK_TREE: root, ...env },
          signal,
        })
      mkdirSync(store, { recursive: true })
      await run(['init', '-q'])
      await run(['symbolic-ref', 'HEAD', 'refs/heads/saves'])
      // Bytes are to come back as they were, whatever a .gitattributes inside the tree asks for.
      writeFileSync(join(store, 'info/attributes'), '* -text -ident -filter\n')
      const config = { 'user.name': 'bench', 'user.email': 'bench@example.com', 'gc.auto': '0', ...settings }
      for (const [key, value] of Object.entries(config)) await run(['config', key, value])
      const saves: string[] = []
      return {
        store,
        async save() {
          await run(['add', '-A'])
          await run(['commit', '-q', '--allow-empty', '--no-verify', '-m', 'checkpoint'])
          saves.push(readFileSync(join(store, 'refs/heads/saves'), 'utf8').trim())
        },
        restoreInPlace: async () => void (await run(['reset', '-q', '--hard', saves[0]!])),
        async restoreNew(to) {
          const env = { GIT_INDEX_FILE: join(dir, 'other-index'), GIT_WORK_TREE: to }
          mkdirSync(to)
          await run(['read-tree', saves[0]!], env)
          await run(['checkout-index', '-a', '-f', `--prefix=${to}/`], env)
        },
        diff: async () => void (await run(['diff-tree', '-r', '--name-status', saves[0]!, saves.at(-1)!])),
        close: async () => {},
      }
    },
  }
}

export const copy: Contestant = {
  name: '`cp -a`',
  durability: 'none',
  how: '`cp -a tree copy`',
  async open({ root, dir, signal }) {
    const store = join(dir, 'copy')
    return {
      store,
      save: async () => void (await command('cp', ['-a', root, store], { signal })),
      restoreNew: async (to) => void (await command('cp', ['-a', store, to], { signal })),
      close: async () => {},
    }
  },
}
