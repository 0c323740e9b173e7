import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describeWith } from '../support/needs.ts'

/**
 * The clients that vendors and other people wrote, and Prism, are too heavy to be dependencies: they have a package of
 * their own, which scripts/test-vendor.sh installs. SNAPSHOT_MCP_TEST_VENDOR names another directory with a package.json
 * and node_modules.
 */
const VENDOR = process.env.SNAPSHOT_MCP_TEST_VENDOR ?? join(import.meta.dirname, '../vendor')

/** A package as it is imported from that directory. The test says what it needs of its type. */
export async function vendorPackage<T>(name: string): Promise<T> {
  const resolved = createRequire(join(VENDOR, 'package.json')).resolve(name)
  return import(pathToFileURL(resolved).href)
}

/** The path of a command of one of the packages. */
export function vendorCommand(name: string): string {
  return join(VENDOR, 'node_modules', '.bin', name)
}

/** The path of an API description, or of the record of a real server. */
export function specFile(name: string): string {
  return join(import.meta.dirname, 'specs', name)
}

const HAS_VENDOR = existsSync(join(VENDOR, 'node_modules'))

/** Tests that need these packages. */
export const withVendor = (title: string, body: () => void) =>
  describeWith(HAS_VENDOR ? undefined : 'what scripts/test-vendor.sh installs', title, body)
