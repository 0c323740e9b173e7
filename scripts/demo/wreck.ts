import {
  appendFileSync,
  chmodSync,
  existsSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

/** What a confident agent does to a workspace within a minute. Returns the story, a line each. */
export function wreck(root: string): string[] {
  const at = (path: string) => join(root, path)
  rmSync(at('src/providers'), { recursive: true })
  const sources = readdirSync(at('src'), { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.ts'),
  )
  for (const path of sources) appendFileSync(at(`src/${path}`), '\n// TODO: clean up later\n')
  rmSync(at('node_modules/zod'), { recursive: true })
  writeFileSync(at('node_modules/left-pad.js'), 'module.exports = (text) => text\n')
  if (existsSync(at('node_modules/.bin/tsc'))) rmSync(at('node_modules/.bin/tsc'))
  symlinkSync('/usr/bin/true', at('node_modules/.bin/tsc'))
  chmodSync(at('src'), 0o777)
  return [
    'rm -rf src/providers node_modules/zod',
    `a "harmless" comment appended to ${sources.length} files`,
    'node_modules/.bin/tsc now points to /usr/bin/true, node_modules/left-pad.js is new, chmod 777 src',
  ]
}
