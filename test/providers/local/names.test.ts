import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromText, isEntryName, join, parsePath, show, toFsPath } from '../../../src/providers/local/names.ts'
import type { PathRef } from '../../../src/snapshots/model.ts'
import { refusal } from '../../snapshots/world.ts'
import { AWKWARD_NAMES } from '../../support/trees.ts'

const ROOT = '/srv/project'
const parse = async (ref: PathRef) => parsePath(ref, ROOT)

/** Any bytes that can be a name. */
const name = fc.oneof(
  fc.constantFrom(...AWKWARD_NAMES),
  fc
    .uint8Array({ min: 1, max: 255, minLength: 1, maxLength: 40 })
    .map((bytes) => Buffer.from(bytes).toString('latin1'))
    .filter((text) => isEntryName(text)),
)

test('any name survives being shown and taken back, as text or as bytes', () => {
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 4 }), (parts) => {
      const path = parts.join('/')
      const shown = show(path)
      expect(parsePath(shown.bytes ? { bytes: shown.bytes } : shown.path, ROOT)).toBe(path)
      expect(parsePath({ bytes: Buffer.from(path, 'latin1').toString('base64') }, ROOT)).toBe(path)
      const forFs = toFsPath(path)
      expect(typeof forFs === 'string' ? Buffer.from(forFs) : forFs).toEqual(Buffer.from(path, 'latin1'))
    }),
  )
})

test('bytes are shown only where text would lose the name', () => {
  expect(show('plain')).toEqual({ path: 'plain' })
  expect(show(fromText('caf\u00e9 \u{1f4be}'))).toEqual({ path: 'caf\u00e9 \u{1f4be}' })
  expect(show('\xff')).toEqual({ path: '\ufffd', bytes: '/w==' })
  // Not the same name: a decoder that swallows the mark would make it so.
  expect(show(fromText('\ufeffname'))).toEqual({ path: '\ufeffname' })
})

test('a text becomes the bytes of its UTF-8 and back', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
      (text) => {
        expect(Buffer.from(fromText(text), 'latin1')).toEqual(Buffer.from(text, 'utf8'))
      },
    ),
  )
})

describe('a path that a caller gives', () => {
  test.each([
    ['a', 'a'],
    ['a/b', 'a/b'],
    ['./a', 'a'],
    ['a/./b', 'a/b'],
    ['a//b/', 'a/b'],
    ['.../..a/b..', '.../..a/b..'],
    ['-rf', '-rf'],
    ['/srv/project/a/b', 'a/b'],
    [{ bytes: '/w==' }, '\xff'],
  ] as [PathRef, string][])('%j means %j', (ref, path) => {
    expect(parsePath(ref, ROOT)).toBe(path)
  })

  test.each([
    '..',
    '../a',
    'a/..',
    'a/../b',
    'a/../../b',
    '/',
    '/a',
    '/etc/passwd',
    '/srv/project-evil/a',
    '/srv/project/../project-evil',
    '/srv/project/../../etc',
    'a\0b',
    '.',
    './',
    'x'.repeat(256),
    { bytes: Buffer.from('../a').toString('base64') },
    { bytes: Buffer.from('a/\0').toString('base64') },
    { bytes: Buffer.from('/etc').toString('base64') },
  ] as PathRef[])('%j is refused', async (ref) => {
    const { message } = await refusal(parse(ref), 'INVALID_ARGUMENT')
    expect(message).toContain('Nothing was changed')
  })

  test('whatever it is, it never leaves the source', () => {
    const part = fc.constantFrom('..', '.', '', 'a', 'srv', 'project', '\0', '...', ' ', '\\', '~')
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 8 }), (parts) => {
        let path: string
        try {
          path = parsePath(parts.join('/'), ROOT)
        } catch {
          return
        }
        expect(path.split('/').every(isEntryName)).toBe(true)
        expect(join('', path)).toBe(path)
      }),
    )
  })
})
