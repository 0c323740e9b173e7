import { execFileSync, spawnSync } from 'node:child_process'
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { forge } from '../providers/local/forge.ts'
import { flip } from '../providers/local/store-files.ts'
import { type Workbench, workbench } from '../providers/local/support.ts'
import { differences, picture } from '../support/oracle.ts'
import { build, content, tree } from '../support/trees.ts'
import { makeWorkspace } from '../support/workspace.ts'

const READER = fileURLToPath(new URL('read_snapshot.py', import.meta.url))
const PYTHON = spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 8))'])

/** Restores with the reader, which knows the format and none of our code. */
function readByOthers(box: Workbench, id: string): { target: string; status: number | null; stderr: string } {
  const target = join(box.dir, 'read-by-others')
  // Node inflates blocks for a Python that has no brotli.
  const env = {
    PATH: `${process.execPath.replace(/\/[^/]*$/, '')}:${process.env.PATH}`,
    HOME: process.env.HOME,
  }
  const { status, stderr } = spawnSync('python3', [READER, join(box.home, 'store'), id, target], {
    env,
    encoding: 'utf8',
  })
  return { target, status, stderr }
}

function expectExact(box: Workbench, id: string, except?: (path: string) => boolean) {
  const { target, status, stderr } = readByOthers(box, id)
  expect(stderr).toBe('')
  expect(status).toBe(0)
  expect(differences(box.picture(), picture(target), { ...(except && { except }), mtimeNs: 0n })).toEqual([])
}

describe.skipIf(PYTHON.status !== 0)(
  '(needs python3 from 3.8) a reader in Python, written from the documentation',
  () => {
    test('restores every kind of entry exactly', async () => {
      const box = workbench()
      makeWorkspace(box.root)
      const name = (text: string) => Buffer.from(`${box.root}/${text}`, 'latin1')
      writeFileSync(name('not utf-8 \xff\xfe'), 'bytes')
      mkdirSync(name('half\xc3'))
      linkSync(name('not utf-8 \xff\xfe'), name('half\xc3/linked'))
      linkSync(box.at('data/model.bin'), box.at('bin/model'))
      symlinkSync('loop', box.at('loop'))
      symlinkSync(Buffer.from('\xff', 'latin1'), box.at('to bytes'))
      box.write('data/exactly-a-chunk', content(256 * 1024, 5))
      box.write('data/one-over', content(1024 * 1024 + 1, 6))
      box.write('data/compresses', 'the same again and again. '.repeat(50_000))
      box.write('data/holes', '')
      truncateSync(box.at('data/holes'), 3_000_000)
      box.write('data/shared', 'x', 0o1666)
      mkdirSync(box.at('closed'), { mode: 0o500 })
      for (const [path, time] of Object.entries({
        'data/shared': -1.5,
        'data/holes': 2 ** 33,
        empty: 1e9 + 0.5,
      }))
        utimesSync(box.at(path), time, time)
      const { id } = await box.save()
      expectExact(box, id)
    })

    test('restores whatever there is', async () => {
      const box = workbench()
      for (const [n, each] of fc.sample(tree, { numRuns: 30, seed: 7 }).entries()) {
        mkdirSync(box.at(`tree-${n}`))
        build(box.at(`tree-${n}`), each)
      }
      const { id } = await box.save()
      expectExact(box, id)
    })

    test('leaves out what was left out', async () => {
      const box = workbench()
      box.write('kept', 'x')
      box.write('build.log', 'x')
      execFileSync('mkfifo', [box.at('pipe')])
      const { id } = await box.save({ exclude: ['*.log'] })
      expectExact(box, id, (path) => path === 'pipe' || path === 'build.log')
    })

    test('reads several snapshots over several packs', async () => {
      const box = workbench()
      box.write('a', content(200_000, 1))
      const { id } = await box.save()
      const saved = box.picture()
      box.write('a', 'changed')
      box.write('b', 'new')
      const { id: second } = await box.save()
      expectExact(box, second)
      execFileSync('rm', ['-rf', join(box.dir, 'read-by-others')])
      expect(differences(saved, picture(readByOthers(box, id).target), { mtimeNs: 0n })).toEqual([])
    })

    test('restores as many directories in each other as the format allows', async () => {
      const box = workbench()
      mkdirSync(box.at('d/'.repeat(1000)), { recursive: true })
      const { id } = await box.save()
      expectExact(box, id)
    })

    test.each(['absolute', '../outside', 'sub/../../outside', ''])(
      'links to nothing beside its target: %s',
      async (name) => {
        const box = workbench()
        await box.save()
        const outside = join(box.dir, 'outside')
        writeFileSync(outside, 'of somebody')
        const f = forge(box)
        const links = f.links([[name === 'absolute' ? outside : name, 'file']])
        const { target, status, stderr } = readByOthers(
          box,
          f.snapshot(f.tree([f.file('file', 'x')]), { links }),
        )
        expect(status).toBe(1)
        expect(stderr).toMatch(/^cannot be read: /)
        expect(existsSync(join(target, 'file'))).toBe(false)
      },
    )

    test('finds what is damaged, altered or of another format', async () => {
      const bytes = content(200_000, 1)
      const spoils: ((box: Workbench, id: string) => void)[] = [
        (box) => flip(box, bytes),
        (box, id) => {
          const path = join(box.home, 'store/snapshots', `${id}.json`)
          writeFileSync(path, readFileSync(path, 'utf8').replace('"auto":false', '"auto":true'))
        },
        (box) => writeFileSync(join(box.home, 'store/store.json'), '{"format":2,"encryption":"none"}'),
      ]
      for (const spoil of spoils) {
        const box = workbench()
        box.write('a', bytes)
        const { id } = await box.save()
        spoil(box, id)
        const { status, stderr } = readByOthers(box, id)
        expect(status).toBe(1)
        expect(stderr).toMatch(/^cannot be read: /)
      }
    })
  },
)

test('the reader is short enough to be read', () => {
  const lines = readFileSync(READER, 'utf8').split('\n')
  expect(lines.filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(120)
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(120)
})
