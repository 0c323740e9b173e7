import manifest from '../package.json' with { type: 'json' }

/** Of the package; written into the bundle when it is built. */
export const { name: NAME, version: VERSION } = manifest
