import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { command } from '../command.ts'
import { type Contestant, copy, git, type Place } from '../contestants.ts'
import { versionOf } from '../machine.ts'

/** The programs that ours is measured against. `needs` are commands that may be missing. */
export interface Peer {
  contestant: Contestant
  needs: readonly string[]
  /** Also on the workspaces that only few take part in. */
  few?: true
  /** Takes a large part of the whole run. */
  slow?: true
}

export const tunedGit = git('git, tuned', {
  'core.compression': '0',
  'core.untrackedCache': 'true',
  'index.version': '4',
  'core.fsync': 'none',
})

/** Leaves an empty directory in the place of the tree, which stays beside it until the run ends. */
function putAside({ root, dir }: Place): void {
  renameSync(root, join(dir, 'old'))
  mkdirSync(root)
}

export const tar: Contestant = {
  name: 'tar + zstd -1',
  durability: 'none',
  how: "`tar -I 'zstd -1 -T0' -cf archive .`, in place into an empty directory, the old one moved aside",
  wholesale: true,
  async open(place) {
    const { root, dir, signal } = place
    const store = join(dir, 'archives')
    mkdirSync(store)
    let saves = 0
    const run = (...args: string[]) => command('tar', args, { signal })
    const unpack = (to: string) => run('-I', 'zstd', '-C', to, '-xpf', join(store, '0.tar.zst'))
    return {
      store,
      save: async () =>
        void (await run('-I', 'zstd -1 -T0', '-C', root, '-cf', join(store, `${saves++}.tar.zst`), '.')),
      async restoreInPlace() {
        putAside(place)
        await unpack(root)
      },
      async restoreNew(to) {
        mkdirSync(to)
        await unpack(to)
      },
      close: async () => {},
    }
  },
}

const rsync: Contestant = {
  name: 'rsync --link-dest',
  durability: 'none',
  how: '`rsync -a --link-dest=previous tree/ copy/`, in place `rsync -a --delete`',
  async open({ root, dir, signal }) {
    const store = join(dir, 'copies')
    mkdirSync(store)
    let saves = 0
    const run = (...args: string[]) => command('rsync', ['-a', ...args], { signal })
    const at = (n: number) => `${join(store, String(n))}/`
    return {
      store,
      async save() {
        await run(...(saves > 0 ? [`--link-dest=${at(saves - 1)}`] : []), `${root}/`, at(saves))
        saves++
      },
      restoreInPlace: async () => void (await run('--delete', at(0), `${root}/`)),
      restoreNew: async (to) => void (await run(at(0), `${to}/`)),
      close: async () => {},
    }
  },
}

export const restic: Contestant = {
  name: 'restic',
  durability: 'pack files are synced one by one',
  how: '`restic backup` (repository version 2, `--compression auto`, a cache of its own), in place into an empty directory, the old one moved aside',
  wholesale: true,
  async open(place) {
    const { root, dir, signal } = place
    const store = join(dir, 'repository')
    const password = join(dir, 'password')
    writeFileSync(password, 'bench\n')
    const env = {
      HOME: dir,
      RESTIC_REPOSITORY: store,
      RESTIC_PASSWORD_FILE: password,
      RESTIC_CACHE_DIR: join(dir, 'cache'),
    }
    const run = (...args: string[]) => command('restic', ['--quiet', ...args], { cwd: root, env, signal })
    const restore = (to: string) => run('restore', saves[0]!, '--target', to)
    const saves: string[] = []
    await run('init', '--repository-version', '2')
    return {
      store,
      async save() {
        const printed = await run('backup', '--json', '--host', 'bench', '--compression', 'auto', '.')
        saves.push(JSON.parse(printed.trim().split('\n').at(-1)!).snapshot_id)
      },
      async restoreInPlace() {
        putAside(place)
        await restore(root)
      },
      restoreNew: async (to) => void (await restore(to)),
      diff: async () => void (await run('diff', saves[0]!, saves.at(-1)!)),
      close: async () => {},
    }
  },
}

const borg: Contestant = {
  name: 'borg',
  durability: 'segments are synced at commit',
  how: '`borg create --compression lz4`, repository not encrypted, in place into an empty directory, the old one moved aside',
  wholesale: true,
  async open(place) {
    const { root, dir, signal } = place
    const store = join(dir, 'repository')
    const env = {
      HOME: dir,
      BORG_BASE_DIR: join(dir, 'borg'),
      BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: 'yes',
    }
    const run = (args: string[], cwd = root) => command('borg', args, { cwd, env, signal })
    const extract = (to: string) => run(['extract', `${store}::0`], to)
    let saves = 0
    await run(['init', '--encryption', 'none', store])
    return {
      store,
      save: async () => void (await run(['create', '--compression', 'lz4', `${store}::${saves++}`, '.'])),
      async restoreInPlace() {
        putAside(place)
        await extract(root)
      },
      async restoreNew(to) {
        mkdirSync(to)
        await extract(to)
      },
      diff: async () => void (await run(['diff', `${store}::0`, String(saves - 1)])),
      close: async () => {},
    }
  },
}

const PEERS: readonly Peer[] = [
  { contestant: tunedGit, needs: ['git'], few: true },
  { contestant: tar, needs: ['tar', 'zstd'], few: true },
  { contestant: copy, needs: [], few: true },
  { contestant: rsync, needs: ['rsync'], slow: true },
  { contestant: restic, needs: ['restic'], slow: true },
  { contestant: borg, needs: ['borg'], slow: true },
]
export const COMMANDS = PEERS.flatMap(({ needs }) => needs)

/** Those whose programs are here, and the names of those whose are not. */
export function findPeers(): { present: Peer[]; absent: string[] } {
  const present = PEERS.filter(({ needs }) => needs.every((name) => versionOf(name)))
  const absent = PEERS.filter((peer) => !present.includes(peer)).map(({ contestant }) => contestant.name)
  return { present, absent }
}
