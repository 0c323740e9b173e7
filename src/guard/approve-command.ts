import { join } from 'node:path'

export interface ThisProgram {
  /** Of node, its options, and the script: `process.execPath`, `process.execArgv` and `process.argv[1]`. */
  start: readonly string[]
  home: string
  stateDirectory: string
  /** The home directory of the user. */
  userHome: string
}

/**
 * What a person types to approve: this very program, for it may not be on the PATH, and told where its records are,
 * for the terminal may have other variables than the client that started the server.
 */
export function approveCommand({ start, home, stateDirectory, userHome }: ThisProgram) {
  const usualHome = join(userHome, '.local', 'share', 'snapshot-mcp')
  const where = [
    ...(home === usualHome ? [] : ['--home', home]),
    ...(stateDirectory === join(home, 'state') ? [] : ['--state', `file:${stateDirectory}`]),
  ]
  return (code: string) => [...start, 'approve', code, ...where].map(quoted).join(' ')
}

/** For a POSIX shell. */
const quoted = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)
