/** How a server is bundled: ours, and the bare one that it is measured against. */
export const BUNDLING = {
  bundle: true,
  platform: 'node',
  target: 'node20.18',
  format: 'esm',
  minify: true,
  legalComments: 'none',
} as const
