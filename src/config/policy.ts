import { denied, type Policy } from '../guard/policy.ts'
import { PolicyFile } from '../guard/policy-file.ts'
import { SnapshotError } from '../snapshots/errors.ts'
import { parse, readJson } from './json-file.ts'
import { knownProviders } from './providers.ts'

/** The defaults where there is no file. INVALID_ARGUMENT for a file that cannot be read: the server does not start. */
export function readPolicy(path: string | undefined): PolicyFile {
  const policy = parse(PolicyFile, path === undefined ? {} : readJson(path, 'policy file'), 'policy file')
  // A misspelt name would leave the provider that was meant with what others have.
  const named = typeof policy.delete === 'object' ? Object.keys(policy.delete) : []
  knownProviders([...named, ...(policy.providers ?? [])])
  return policy
}

/**
 * The rules as they are now: the file is read again for every decision, so that the operator need not restart servers
 * to tighten it. One that cannot be read any more denies.
 */
export function livePolicy(path: string | undefined, read_only: boolean): () => Policy {
  return () => {
    try {
      const { special_modes, safety_snapshots, trash_window, roots, ...rules } = readPolicy(path)
      return { read_only, ...rules }
    } catch (error) {
      if (!(error instanceof SnapshotError)) throw error
      const why =
        'The policy file cannot be read or understood any more, and what it does not allow is denied.'
      throw denied(why, 'Do not try again: only the operator of this server can put it right.')
    }
  }
}
