import { lstatSync } from 'node:fs'

/**
 * A directory's marks of the last change count in ticks of its file system, two seconds at the coarsest: a change in
 * the tick of a reading leaves the same mark as the one before. Only a mark older than that proves something. In ms.
 */
const SETTLED_MS = 3000

/**
 * What was read from the files of some directories, for as long as none of these has changed: a file that comes, goes,
 * or is replaced by another one marks its directory, whatever process does it.
 */
export function whileUnchanged<T>(
  directories: readonly string[],
  read: () => T,
  now: () => number = Date.now,
): () => T {
  let last: { marks: string; value: T } | undefined
  return () => {
    const { marks, newest } = look(directories)
    if (last?.marks === marks) return last.value
    // Looked at before it is read: what changes in between shows the next time.
    const value = read()
    last = now() - newest > SETTLED_MS ? { marks, value } : undefined
    return value
  }
}

function look(directories: readonly string[]): { marks: string; newest: number } {
  let marks = ''
  let newest = 0
  for (const directory of directories) {
    const { ino, mtimeMs, ctimeMs } = lstatSync(directory)
    marks += `${ino} ${mtimeMs} ${ctimeMs};`
    newest = Math.max(newest, mtimeMs, ctimeMs)
  }
  return { marks, newest }
}
