import type { Answer, Exchange } from '../http.ts'
import type { Routes } from '../routing.ts'
import { ASSUMED } from './assumptions.ts'
import { IN_PROGRESS, refuseBusy, sandboxOf } from './lookup.ts'
import type { Sandbox, SandboxState, World } from './model.ts'
import { begin } from './progress.ts'
import { refuseManySandboxes, refuseSuspended } from './quotas.ts'
import { refuse } from './refusals.ts'
import { sandboxJson } from './wire.ts'
import { change } from './world.ts'

/**
 * The answers show the sandbox as it is when the request is accepted: what it is to become is in `desiredState`, and a
 * runner sees to it later.
 */
export function lifecycleRoutes(world: World): Routes {
  const verb =
    (act: (sandbox: Sandbox, x: Exchange) => void, status = 200) =>
    (x: Exchange): Answer => {
      const sandbox = sandboxOf(world, x)
      act(sandbox, x)
      return { status, body: sandboxJson(world, sandbox) }
    }
  return {
    'POST /api/sandbox/{sandbox}/start': verb((sandbox) => start(world, sandbox)),
    'POST /api/sandbox/{sandbox}/stop': verb((sandbox) => stop(world, sandbox)),
    'POST /api/sandbox/{sandbox}/pause': verb((sandbox) => pause(world, sandbox)),
    'POST /api/sandbox/{sandbox}/archive': verb((sandbox) => archive(world, sandbox)),
    'POST /api/sandbox/{sandbox}/recover': verb((sandbox, x) => recover(world, sandbox, x)),
    // Does nothing any more; the old server says 201 to it.
    'POST /api/sandbox/{sandbox}/backup': verb(() => {}, world.generation === 'v0.190' ? 201 : 200),
  }
}

/** Takes the sandbox through these states, a step each. */
export function transition(world: World, sandbox: Sandbox, states: SandboxState[], at?: number): void {
  const [next, ...rest] = states
  if (next === undefined) return
  begin(
    world,
    [sandbox.id],
    (when) => {
      const started = next === 'started' ? { daemonVersion: 'v0.190.0', lastActivityAt: when } : {}
      change(sandbox, when, { state: next, ...started })
      transition(world, sandbox, rest, when)
    },
    at === undefined ? {} : { at },
  )
}

/** Its name is free from now on. */
export function destroy(world: World, sandbox: Sandbox): void {
  const now = world.now()
  change(sandbox, now, {
    name: `DESTROYED_${sandbox.name}_${now}`,
    state: 'destroying',
    desiredState: 'destroyed',
    lastActivityAt: null,
  })
  transition(world, sandbox, ['destroyed'])
}

const WAYS_UP: Partial<Record<SandboxState, SandboxState>> = {
  stopped: 'starting',
  archived: 'restoring',
  paused: 'resuming',
}

function start(world: World, sandbox: Sandbox): void {
  const { state, desiredState } = sandbox
  if (state === 'started' && desiredState === 'started') return
  refuseErrored(sandbox)
  if (state !== desiredState) refuse(409, IN_PROGRESS)
  const way = WAYS_UP[state] ?? refuse(400, 'Sandbox is not in valid state')
  refuseBusy(world, sandbox)
  refuseSuspended(world)
  refuseManySandboxes(world, sandbox, sandbox)
  change(sandbox, world.now(), { desiredState: 'started' })
  transition(world, sandbox, [way, 'started'])
}

function stop(world: World, sandbox: Sandbox): void {
  const { state, desiredState } = sandbox
  refuseErrored(sandbox)
  if (state !== desiredState) refuse(409, IN_PROGRESS)
  if (state !== 'started' && state !== 'paused') refuse(400, 'Sandbox is not in a stoppable state')
  refuseBusy(world, sandbox)
  // What is to be deleted as soon as it stops.
  if (sandbox.autoDeleteInterval === 0) destroy(world, sandbox)
  else {
    change(sandbox, world.now(), { desiredState: 'stopped' })
    transition(world, sandbox, ['stopping', 'stopped'])
  }
}

function pause(world: World, sandbox: Sandbox): void {
  if (sandbox.state !== 'started') refuse(400, 'Sandbox must be in started state to pause')
  refuseBusy(world, sandbox)
  if (!isMachine(sandbox)) refuse(422, 'Pausing is not supported for this sandbox')
  change(sandbox, world.now(), { state: 'pausing', desiredState: 'paused' })
  transition(world, sandbox, ['paused'])
}

function archive(world: World, sandbox: Sandbox): void {
  refuseErrored(sandbox)
  if (sandbox.state !== sandbox.desiredState) refuse(409, IN_PROGRESS)
  if (sandbox.state !== 'stopped') refuse(400, 'Sandbox is not stopped')
  refuseBusy(world, sandbox)
  if (sandbox.autoDeleteInterval === 0) refuse(400, 'Ephemeral sandboxes cannot be archived')
  change(sandbox, world.now(), { state: 'archiving', desiredState: 'archived' })
  transition(world, sandbox, ['archived'])
}

/** Out of an error; it is no restore. */
function recover(world: World, sandbox: Sandbox, { query }: Exchange): void {
  if (!sandbox.recoverable) refuse(400, 'Sandbox is not in a recoverable state')
  if (sandbox.state !== 'error') refuse(400, 'Sandbox must be in error state to recover')
  refuseSuspended(world)
  const stopped = {
    state: 'stopped',
    desiredState: 'stopped',
    errorReason: null,
    recoverable: false,
  } as const
  change(sandbox, world.now(), stopped)
  if (query.get('skipStart') !== 'true') start(world, sandbox)
}

function refuseErrored({ state }: Sandbox): void {
  if (state === 'error' || state === 'build_failed') refuse(400, ASSUMED.errored)
}

/** Only virtual machines can be paused and forked. */
export function isMachine({ sandboxClass }: Sandbox): boolean {
  return sandboxClass === 'linux-vm' || sandboxClass === 'windows'
}
