import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { remove } from '../../scratch.ts'
import { command } from '../command.ts'
import { makeFiles } from './make-tree.ts'

/** What a mid-sized web application depends on: about 60,000 files and 800 MB on disk with what these bring along. */
const PACKAGES = {
  '@babel/preset-env': '7.29.14',
  '@mui/material': '9.5.0',
  antd: '6.6.8',
  'aws-sdk': '2.1693.0',
  'core-js': '3.51.0',
  'date-fns': '4.4.0',
  eslint: '10.15.0',
  lodash: '4.18.1',
  next: '16.4.6',
  react: '19.3.1',
  'react-dom': '19.3.1',
  rxjs: '7.8.2',
  three: '0.187.0',
  typescript: '7.0.2',
  webpack: '5.112.2',
}
const FLAGS = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
/** Used when the registry cannot be reached. */
const FALLBACK = {
  seed: 2,
  files: 55_000,
  directories: 6_000,
  sizes: [300, 45_000],
  binaryEvery: 40,
} as const

/**
 * A project with its node_modules at `root`, copied from `cache`, where it is installed the first time. Returns what
 * it is, in words.
 */
export async function makeProject(root: string, cache: string, signal: AbortSignal): Promise<string> {
  const manifest = JSON.stringify({
    name: 'project',
    version: '1.0.0',
    private: true,
    dependencies: PACKAGES,
  })
  const kept = join(cache, `project-${createHash('sha256').update(manifest).digest('hex').slice(0, 12)}`)
  try {
    if (!existsSync(kept)) await install(kept, manifest, signal)
  } catch (error) {
    signal.throwIfAborted()
    makeFiles(root, FALLBACK)
    const why = (error as Error).message.split('\n').find((line) => /ERR!|ENOENT/.test(line))
    return `a generated tree, because \`npm install\` failed (${why ?? 'without a reason'})`
  }
  await command('cp', ['-a', kept, root], { signal })
  const names = Object.entries(PACKAGES).map(([name, version]) => `${name}@${version}`)
  return `what \`npm install ${FLAGS.slice(0, 3).join(' ')}\` makes of ${names.join(', ')}`
}

/** Under its final name only when it is complete. */
async function install(kept: string, manifest: string, signal: AbortSignal): Promise<void> {
  const [making, downloads] = [`${kept}.part`, `${kept}.npm`]
  try {
    mkdirSync(making, { recursive: true })
    writeFileSync(join(making, 'package.json'), manifest)
    const env = { HOME: process.env.HOME ?? '' }
    await command('npm', ['install', ...FLAGS, '--cache', downloads], { cwd: making, env, signal })
    renameSync(making, kept)
  } finally {
    for (const path of [making, downloads]) remove(path)
  }
}
