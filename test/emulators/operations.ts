import { readFileSync } from 'node:fs'
import type { LoggedRequest } from './http.ts'
import { specFile } from './vendor.ts'

export interface Operation {
  method: string
  path: string
}

/** Of an API description. Read by its indentation: a YAML parser would be one more dependency. */
export function operationsOf(spec: string): Operation[] {
  const found: Operation[] = []
  let path = ''
  for (const line of readFileSync(specFile(spec), 'utf8').split('\n')) {
    if (/^components:/.test(line)) break
    path = /^ {2}(\/\S*):$/.exec(line)?.[1] ?? path
    const method = /^ {4}(get|post|put|patch|delete):$/.exec(line)?.[1]
    if (method) found.push({ method: method.toUpperCase(), path })
  }
  return found
}

/** Those that none of the requests has called. */
export function uncalled(spec: string, requests: readonly LoggedRequest[]): Operation[] {
  return operationsOf(spec).filter(({ method, path }) => {
    const pattern = new RegExp(`^${path.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`)
    return !requests.some((request) => request.method === method && pattern.test(request.path))
  })
}
