import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { onTestFinished } from 'vitest'

/**
 * Why something cannot be mounted here, or undefined once it is; it is taken away again after the running test. What is
 * not there yet is made, as a directory.
 */
export function tryMount(at: string, ...args: string[]): string | undefined {
  if (!existsSync(at)) mkdirSync(at, { recursive: true })
  try {
    execFileSync('mount', [...args, at], { stdio: ['ignore', 'ignore', 'pipe'] })
  } catch (error) {
    return String((error as { stderr?: Buffer }).stderr ?? error).split('\n')[0]
  }
  // The test may have done so itself.
  onTestFinished(() => void spawnSync('umount', [at]))
  return undefined
}

/** The same for a new ext4 file system whose top directory folds the case of names. */
export function tryMountFolding(at: string): string | undefined {
  const image = `${at}.img`
  writeFileSync(image, '')
  truncateSync(image, 16 * 1024 * 1024)
  onTestFinished(() => rmSync(image))
  try {
    execFileSync('mkfs.ext4', ['-q', '-F', '-O', 'casefold', '-E', 'encoding=utf8', image], { stdio: 'pipe' })
  } catch (error) {
    return String(error).split('\n')[0]
  }
  const problem = tryMount(at, '-o', 'loop', image)
  if (problem) return problem
  try {
    mkdirSync(`${at}/folding`)
    execFileSync('chattr', ['+F', `${at}/folding`], { stdio: 'pipe' })
    // Something to ask by: of an empty directory nobody can tell.
    mkdirSync(`${at}/folding/Some`)
    return undefined
  } catch (error) {
    return String(error).split('\n')[0]
  }
}
