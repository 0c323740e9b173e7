import type { z } from 'zod'
import { fail } from '../../snapshots/errors.ts'
import type { Interrupted } from '../../snapshots/interrupted.ts'
import { quotedName } from '../../snapshots/plain.ts'
import type { Context, CreateRequest, CreateResult, Provider } from '../../snapshots/provider.ts'
import { DaytonaCreate } from '../../snapshots/requests.ts'
import { Asked } from './asked.ts'
import { readBuild } from './build-context.ts'
import { type Cloud, counting } from './cloud.ts'
import { type Making, make, type Seen, takeUp } from './making.ts'
import { nameFor } from './names.ts'
import { SnapshotRecord } from './schemas.ts'
import { dockerfileId, PROVIDER, sandboxBehind, stateOf, view } from './view.ts'

type Options = z.output<typeof DaytonaCreate>

/** Which options mean something for which kind of source. */
const OPTIONS: Record<string, readonly (keyof Options)[]> = {
  sandbox: ['include_memory'],
  image: ['cpu', 'memory_gb', 'disk_gb', 'gpu', 'region', 'entrypoint'],
  dockerfile: ['cpu', 'memory_gb', 'disk_gb', 'gpu', 'region', 'context'],
}

export function createCreates(cloud: Cloud): Pick<Provider, 'create'> & {
  resume(interrupted: Interrupted<CreateRequest>, ctx: Context): Promise<CreateResult>
} {
  const making: Record<string, (request: CreateRequest, options: Options, ctx: Context) => Promise<Making>> =
    {
      sandbox: ofSandbox,
      image: ofImage,
      dockerfile: ofDockerfile,
    }

  async function ofSandbox({ source, ...request }: CreateRequest, { include_memory: memory }: Options) {
    const asked = {
      ...begun(request),
      sandbox: source.id,
      ...(memory !== undefined && { with_memory: memory }),
    }
    const body = { name: asked.name, ...(memory !== undefined && { includeMemory: memory }) }
    return {
      asked,
      send: async (ctx: Context): Promise<Seen> => {
        const answer = await cloud.api.captureSandbox(source.id, body, ctx)
        const record = SnapshotRecord.safeParse(answer)
        // A server to come may answer with the snapshot: a sandbox has a state that it is to be in.
        const isSnapshot = !('desiredState' in answer) && ('imageName' in answer || 'general' in answer)
        return isSnapshot && record.success ? { at: 'record', record: record.data } : { at: 'capture' }
      },
    }
  }

  async function ofImage(request: CreateRequest, options: Options) {
    const asked = { ...begun(request), image: request.source.id, ...resources(options) }
    const { entrypoint } = options
    return { asked, send: recipe(asked, { imageName: asked.image, ...(entrypoint && { entrypoint }) }) }
  }

  async function ofDockerfile(request: CreateRequest, options: Options, ctx: Context) {
    const { dockerfile, context } = await readBuild(request.source.id, options.context, ctx.signal)
    if (context) {
      const access = await cloud.api.pushAccess(ctx)
      const how = await cloud.storage.put(access, context, ctx)
      ctx.progress(0, undefined, `build context of ${context.files} files is ${how}`)
    }
    const contextHashes = context ? [context.hash] : []
    const asked = {
      ...begun(request),
      dockerfile: dockerfileId(dockerfile),
      context: contextHashes,
      ...resources(options),
    }
    return { asked, send: recipe(asked, { buildInfo: { dockerfileContent: dockerfile, contextHashes } }) }
  }

  const begun = (request: Pick<CreateRequest, 'name' | 'auto'>) => ({
    name: nameFor(request),
    since: cloud.time.now(),
  })

  function resources({ cpu, memory_gb: memory, disk_gb: disk, gpu, region = cloud.region }: Options) {
    return defined({ cpu, memory, disk, gpu, region })
  }

  function recipe(asked: Asked, what: object) {
    const { name, cpu, memory, disk, gpu, region: regionId } = asked
    const body = { name, ...what, ...defined({ cpu, memory, disk, gpu, regionId }) }
    return async (ctx: Context): Promise<Seen> => ({
      at: 'record',
      record: await cloud.api.createSnapshot(body, ctx),
    })
  }

  /** An old snapshot of that name would look like success, and the old server loses a capture that meets one. */
  async function checkFree(name: string, ctx: Context): Promise<void> {
    const present = await cloud.api.findSnapshot(name, ctx)
    if (!present) return
    const leaving = stateOf(present) === 'deleting'
    throw fail(
      leaving ? 'BUSY' : 'ALREADY_EXISTS',
      leaving
        ? `The snapshot ${quotedName(name)} is still being deleted, and its name is taken until then. Nothing was changed.`
        : `There is a snapshot ${quotedName(name)} already (daytona:${present.id}). Nothing was changed.`,
      leaving ? 'Call again in half a minute, or choose another name.' : 'Choose another name.',
      { provider: PROVIDER },
    )
  }

  async function result(record: SnapshotRecord, asked: Asked, ctx: Context): Promise<CreateResult> {
    await cloud.names.learn([sandboxBehind(record)], ctx)
    const snapshot = view(record, cloud.names.nameOf)
    // Only here it is known: the record does not say it.
    return { snapshot: asked.with_memory ? { ...snapshot, captures: ['disk', 'memory'] } : snapshot }
  }

  return {
    async create(request, given) {
      const options = check(request)
      const ctx = counting(given)
      await checkFree(nameFor(request), ctx)
      const todo = await making[request.source.kind]!(request, options, ctx)
      return result(await make(cloud, todo, ctx), todo.asked, ctx)
    },
    async resume({ facts }, given) {
      const asked = Asked.safeParse(facts)
      if (!asked.success)
        throw fail(
          'CANCELLED',
          'The process ended before anything was sent to Daytona. No snapshot was made.',
          'Call snapshot_create again if it is still wanted.',
          { provider: PROVIDER },
        )
      const ctx = counting(given)
      return result(await takeUp(cloud, asked.data, ctx), asked.data, ctx)
    },
  }
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

/** Without what is undefined: the server takes null for a value. */
function defined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>
}

/** The options, when all that is asked for can be had. */
function check({ source, options, note, labels, expires_at, ...request }: CreateRequest): Options {
  const allowed = OPTIONS[source.kind]
  if (!allowed)
    throw unsupported(`a snapshot of a ${source.kind}`, 'snapshot_sources lists what it can capture.')
  if (note !== undefined || Object.keys(labels).length > 0)
    throw unsupported('notes and labels of snapshots', 'Leave them out; the name says what it is.')
  if (expires_at !== undefined)
    throw unsupported(
      'an expiry of snapshots',
      'Leave ttl out, and delete the snapshot when it is not needed.',
    )
  if (request.protected) throw unsupported('protection of snapshots', 'Leave it out.')
  const given = DaytonaCreate.parse(options ?? {})
  const foreign = (Object.keys(given) as (keyof Options)[]).find(
    (key) => given[key] !== undefined && !allowed.includes(key),
  )
  if (foreign === undefined) return given
  throw fail(
    'INVALID_ARGUMENT',
    `"${foreign}" means nothing for a snapshot of a ${source.kind}. Nothing was changed.`,
    `Leave it out. For a ${source.kind} there is: ${allowed.join(', ')}.`,
    { provider: PROVIDER },
  )
}

const unsupported = (what: string, hint: string) =>
  fail('UNSUPPORTED', `Daytona knows no ${what.replace(/^an? /, '')}. Nothing was changed.`, hint, {
    provider: PROVIDER,
  })
