import type { CloudOptions } from '../cloud.ts'
import { createHttp } from '../http.ts'
import { type Api, createApi } from './api.ts'
import { dialect } from './dialect.ts'
import { PROVIDER } from './env.ts'
import { RATE } from './limits.ts'

const BASE_URL = 'https://api.digitalocean.com'

/** The API behind one key. The version is part of every path; a base URL that ends with it is forgiven. */
export function connect({ key, baseUrl = BASE_URL, time, random }: CloudOptions): Api {
  const http = createHttp({
    provider: PROVIDER,
    baseUrl: baseUrl.replace(/\/v2\/?$/, ''),
    key,
    dialect,
    rate: RATE,
    ...(time && { time }),
    ...(random && { random }),
  })
  return createApi(http)
}
