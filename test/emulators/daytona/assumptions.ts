/**
 * What neither the API description, nor the public source of v0.190, nor the record of a running one settles, all in one
 * place: the choices of this emulator. The wording of messages about malformed members follows the validator that the
 * server uses, but their order when several are wrong is a choice as well. Some of the choices are not words:
 *
 * - Where the record of a capture comes first, a name that is taken is refused at once (409).
 * - A snapshot that is activated is pulled again: `pending`, `pulling`, `active`.
 * - A captured sandbox needs `write:snapshots`; captures count as lifecycle requests, forks as creations.
 * - A capture under a name that is none fails at the runner, because v0.190 does not look at it before.
 * - Inactive and failed snapshots do not count against the quota.
 * - The build logs on the other origin take the same key and refuse another one with the same error.
 * - The limits of requests, sizes and totals are those published for the lowest tier, or the defaults of the source.
 */
export const ASSUMED = {
  accessDeniedToOrganization: 'Access denied',
  suspended: (reason: string) => `Organization is suspended: ${reason}`,
  /** Second line of the refusals by a total quota. */
  upgrade: "To increase concurrency limits, upgrade your organization's Tier.",
  noGpu: 'Total GPU limit exceeded. Maximum allowed: 0.',
  generalDeactivate: 'You cannot deactivate a general snapshot',
  generalActivate: 'You cannot activate a general snapshot',
  errored: 'Sandbox is in an errored state',
  noParent: 'Sandbox has no fork parent',
  /** What the later generations say of a snapshot with memory; v0.190 has its own texts. */
  memoryOfContainer: 'includeMemory is only supported for VM sandboxes',
  virtualMachine: 'the VM sandbox',
  /** In the later generations; the recorded server put it to `error`. */
  stateOfFailedBuild: 'build_failed',
  pullTimeout: 'Timeout while pulling snapshot',
  captureFailed: 'Failed to capture the sandbox',
  captureTimeout: 'Timeout while capturing the sandbox',
  startFailed: 'runner could not start the container',
  missingContext: (hash: string) =>
    `failed to download build context ${hash}: The specified key does not exist.`,
  brokenContext: (hash: string) => `failed to read build context ${hash}: not a tar archive`,
} as const

/**
 * Names that make things go wrong, so that it can be tried from outside. Those of images and Dockerfiles are the ones
 * of the recorded server; `slow-` in the name of a snapshot is ours.
 */
export const TRIGGERS = {
  missingImage: /(^|\/)missing\//,
  slowImage: /(^|\/)slow\//,
  failingCapture: /^fail-/,
  slowCapture: /^slow-/,
  failingStart: /^fail-/,
} as const

const MINUTE = 60_000

/** Milliseconds. */
export const LIMITS = {
  /** A pull or a build that does not end. */
  pull: 60 * MINUTE,
  /** A capture that does not end: dropped without a word, or put to error. */
  captureV0: 15 * MINUTE,
  capture: 180 * MINUTE,
  /** How long after a deactivation a snapshot cannot be activated. */
  deactivation: 10 * MINUTE,
  /** How long a snapshot may go unused before it is deactivated. */
  unused: 14 * 24 * 60 * MINUTE,
} as const

/** Gigabytes that the recorded server showed for each origin. */
export const SIZES = { pulled: 0.125, built: 0.25, captured: 0.5 } as const
