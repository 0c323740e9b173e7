export interface ThisProgram {
  /** Of node, its options, and the script: `process.execPath`, `process.execArgv` and `process.argv[1]`. */
  start: readonly string[]
  home: string
  stateDirectory: string
}

/**
 * What a person types to approve: this very program, for it may not be on the PATH, and told where its records are,
 * for the terminal may have other variables than the client that started the server.
 */
export function approveCommand({ start, home, stateDirectory }: ThisProgram) {
  const where = ['--home', home, '--state', `file:${stateDirectory}`]
  return (code: string) => [...start, 'approve', code, ...where].map(quoted).join(' ')
}

/** For a POSIX shell. */
const quoted = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)
