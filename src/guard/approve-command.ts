export interface ThisProgram {
  /** Of node, its options, and the script: `process.execPath`, `process.execArgv` and `process.argv[1]`. */
  start: readonly string[]
  /** Of the server, not of the tenant. */
  home: string
  /** Absent where the state is not on this machine. */
  stateDirectory?: string
  /** Whose approval it is, and the file that tells of tenants; absent for the server itself. */
  tenant?: string
  accessFile?: string
}

/**
 * What a person types to approve: this very program, for it may not be on the PATH, and told where its records are,
 * for the terminal may have other variables than the client that started the server. The address of a Redis may hold a
 * password, and an agent reads this.
 */
export function approveCommand({ start, home, stateDirectory, tenant, accessFile }: ThisProgram) {
  const where = Object.entries({
    '--home': home,
    '--state': stateDirectory === undefined ? undefined : `file:${stateDirectory}`,
    '--tenant': tenant,
    '--access': tenant === undefined ? undefined : accessFile,
  }).flatMap(([flag, value]) => (value === undefined ? [] : [flag, value]))
  const note = stateDirectory === undefined ? ' (with SNAPSHOT_MCP_STATE set as for the server)' : ''
  return (code: string) => [...start, 'approve', code, ...where].map(quoted).join(' ') + note
}

/** For a POSIX shell. */
const quoted = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)
