type Library = typeof import('@redis/client')

let loaded: Library | undefined

/** Loaded by the first connection: of all servers few have a Redis, and it is large. */
export async function redisLibrary(): Promise<Library> {
  loaded ??= await import('@redis/client')
  return loaded
}

/** Redis has answered, with a no. */
export const isReply = (error: unknown): error is Error =>
  loaded !== undefined && error instanceof loaded.ErrorReply
