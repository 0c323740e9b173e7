import { fail } from '../../snapshots/errors.ts'
import type { Interrupted } from '../../snapshots/interrupted.ts'
import type { Snapshot } from '../../snapshots/model.ts'
import { quotedName } from '../../snapshots/plain.ts'
import type { Context, CreateRequest, CreateResult, Provider } from '../../snapshots/provider.ts'
import { neverBegun } from '../refusals.ts'
import { Asked } from './asked.ts'
import { readBuild } from './build-context.ts'
import { type Cloud, counting } from './cloud.ts'
import { checkOptions, defined, type CreateOptions as Options } from './create-options.ts'
import { locateDockerfile } from './dockerfile-place.ts'
import { type Making, make, type Seen, takeUp } from './making.ts'
import { nameFor } from './names.ts'
import { SnapshotRecord } from './schemas.ts'
import { DAYTONA, dockerfileId, PROVIDER, sandboxBehind, stateOf, view } from './view.ts'

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
      name: nameFor(request),
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
    const asked = { name: nameFor(request), image: request.source.id, ...resources(options) }
    const { entrypoint } = options
    return { asked, send: recipe(asked, { imageName: asked.image, ...(entrypoint && { entrypoint }) }) }
  }

  async function ofDockerfile(request: CreateRequest, options: Options, ctx: Context) {
    const { id: path } = await locateDockerfile(request.source.id, cloud.roots)
    const { dockerfile, context } = await readBuild(path, options.context, ctx.signal)
    if (context) {
      const access = await cloud.api.pushAccess(ctx)
      const how = await cloud.storage.put(access, context, ctx)
      ctx.progress(0, undefined, `the build context of ${context.archive.length} bytes is ${how}`)
    }
    const contextHashes = context ? [context.hash] : []
    const asked = {
      name: nameFor(request),
      dockerfile: dockerfileId(dockerfile),
      context: contextHashes,
      ...(context && { warnings: context.warnings }),
      ...resources(options),
    }
    return { asked, send: recipe(asked, { buildInfo: { dockerfileContent: dockerfile, contextHashes } }) }
  }

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
    const warnings = [
      ...(asked.warnings ?? []),
      ...(snapshot.source.kind === 'unknown' ? [unclear(snapshot)] : []),
    ]
    return {
      // Only here it is known: the record does not say it.
      snapshot: asked.with_memory ? { ...snapshot, captures: ['disk', 'memory'] } : snapshot,
      ...(warnings.length > 0 && { warnings }),
    }
  }

  return {
    async create(request, given) {
      const options = checkOptions(request)
      const ctx = counting(given)
      await checkFree(nameFor(request), ctx)
      const todo = await making[request.source.kind]!(request, options, ctx)
      return result(await make(cloud, todo, ctx), todo.asked, ctx)
    },
    async resume({ facts }, given) {
      const asked = Asked.safeParse(facts)
      if (!asked.success) throw neverBegun('snapshot_create', DAYTONA)
      const ctx = counting(given)
      return result(await takeUp(cloud, asked.data, ctx), asked.data, ctx)
    },
  }
}

const unclear = ({ id, name }: Snapshot) =>
  `The record of ${quotedName(name)} (${id}) does not tell what it was made of. Its name was free when it was asked for, so it should be this one. Look at it before you rely on it.`
