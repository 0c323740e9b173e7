import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The licence texts of the packages that the bundled files come from. Throws when a package has none. */
export function licencesOf(files: readonly string[], root: string): string {
  const packages = new Set(
    files.flatMap((file) => /^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file) ?? []).values(),
  )
  const names = [...packages].filter((name) => !name.includes('node_modules')).sort()
  return names.map((name) => section(join(root, 'node_modules', name), root)).join('\n')
}

function section(directory: string, root: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
  const file = readdirSync(directory).find((entry) => /^licen[cs]e/i.test(entry))
  const text =
    file === undefined ? usualText(name, license, root) : readFileSync(join(directory, file), 'utf8').trim()
  return `${'='.repeat(78)}\n${name} ${version} (${license})\n${'='.repeat(78)}\n\n${text}\n`
}

/** Some packages name their licence and leave its text out. That of MIT is ours, with another holder. */
function usualText(name: string, license: string, root: string): string {
  if (license !== 'MIT') throw new Error(`${name} comes without a licence text`)
  const own = readFileSync(join(root, 'LICENSE'), 'utf8').trim()
  return own.replace(/^Copyright .*$/m, `Copyright (c) the contributors of ${name}`)
}
