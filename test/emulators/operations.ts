import { readFileSync } from 'node:fs'
import type { LoggedRequest } from './http.ts'
import { specFile } from './vendor.ts'

export interface Operation {
  method: string
  path: string
}

/** Of an API description. */
export function operationsOf(spec: string): Operation[] {
  const { paths } = JSON.parse(readFileSync(specFile(spec), 'utf8')) as { paths: Record<string, object> }
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item)
      .filter((key) => ['get', 'post', 'put', 'patch', 'delete'].includes(key))
      .map((method) => ({ method: method.toUpperCase(), path })),
  )
}

/** Those that none of the requests has called. */
export function uncalled(spec: string, requests: readonly LoggedRequest[]): Operation[] {
  return operationsOf(spec).filter(({ method, path }) => {
    const pattern = new RegExp(`^${path.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`)
    return !requests.some((request) => request.method === method && pattern.test(request.path))
  })
}
