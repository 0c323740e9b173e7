import { PathRef } from '../../snapshots/model.ts'
import type { Captured, LinkGroups } from './live.ts'
import { type ByteString, join, show } from './names.ts'
import type { Scope } from './scope.ts'
import type { DirectoryPlan, RestoreSteps } from './steps.ts'

/** Of files with more names than that, the undo brings back the names that the restore was about. */
const MOST_NAMES = 1000

/**
 * A restore of chosen paths may do more than these say: it makes the directories above them, and takes names away from
 * files that have others elsewhere. Returns what its undo has to be about so that this goes back as well; undefined
 * where that is what the restore itself is about. `links` are those of the live source.
 */
export function pathsOfUndo(
  { root }: RestoreSteps,
  scope: Scope,
  links: LinkGroups,
): readonly PathRef[] | undefined {
  const { named } = scope
  if (!named) return undefined
  const made: ByteString[] = []
  const taken = new Set<ByteString>()

  const visit = ({ path, steps }: DirectoryPlan): void => {
    for (const step of steps) {
      const at = join(path, step.name)
      if (step.do === 'enter') visit(step.plan)
      else if (step.do !== 'meta' && step.live) take(at, step.live)
      if (step.do === 'make' && scope.of(at) === 'above') made.push(at)
    }
  }
  const take = (path: ByteString, entry: Captured): void => {
    if (entry.type === 'file') taken.add(path)
    if (entry.type !== 'directory') return
    for (const child of entry.children) if (child.type !== 'skipped') take(join(path, child.name), child)
  }
  visit(root)

  const others = links
    .filter((names) => names.some((name) => taken.has(name)))
    .flatMap((names) => names.filter((name) => scope.of(name) !== 'inside'))
    .map(toRef)
  const fit = others.length <= MOST_NAMES && others.every((ref) => PathRef.safeParse(ref).success)
  if (made.length === 0 && (others.length === 0 || !fit)) return undefined
  const own = named.filter((path) => !made.some((directory) => path.startsWith(`${directory}/`)))
  return [...own.map(toRef), ...made.map(toRef), ...(fit ? others : [])]
}

function toRef(path: ByteString): PathRef {
  const { path: text, bytes } = show(path)
  return bytes === undefined ? text : { bytes }
}
