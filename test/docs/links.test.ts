import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { PROJECT } from '../support/server.ts'

const PAGES = ['.', 'docs', 'docs/providers'].flatMap((directory) =>
  readdirSync(join(PROJECT, directory))
    .filter((file) => file.endsWith('.md'))
    .map((file) => join(directory, file)),
)

const text = (page: string) => readFileSync(join(PROJECT, page), 'utf8')

/** As they are made of headings where the documents are read. */
const anchors = (page: string) =>
  [...text(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )

test('every link from one document to another leads to what is there', () => {
  let count = 0
  const broken = PAGES.flatMap((page) =>
    [...text(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].flatMap(
      ([link, path = '', anchor]) => {
        count++
        const target = path === '' ? page : join(dirname(page), path)
        const isThere = existsSync(join(PROJECT, target))
        const leads = anchor === undefined || (isThere && anchors(target).includes(anchor))
        return isThere && leads ? [] : [`${page}: ${link}`]
      },
    ),
  )
  expect(broken).toEqual([])
  expect(count).toBeGreaterThan(30)
})
