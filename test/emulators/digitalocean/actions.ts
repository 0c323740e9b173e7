import type { Answer, Exchange } from '../http.ts'
import type { Routes } from '../routing.ts'
import { id } from './fields.ts'
import type { Cloud } from './model.ts'
import { listing } from './paging.ts'
import { type Action, look } from './progress.ts'
import { found } from './refusals.ts'
import { actionJson } from './wire.ts'

/** All actions of the account, newest first, those on what is gone by now included. */
export function actionRoutes(cloud: Cloud): Routes {
  return {
    'GET /v2/actions': (x) => listActions(cloud, x, () => true),
    'GET /v2/actions/{action}': (x) => ({
      status: 200,
      body: { action: actionJson(findAction(cloud, x, () => true)) },
    }),
  }
}

export function listActions(cloud: Cloud, x: Exchange, ours: (action: Action) => boolean): Answer {
  look(cloud, ours)
  return listing(x, 'actions', [...cloud.actions.values()].filter(ours).reverse().map(actionJson))
}

/** The action that the path names, after a look at it. */
export function findAction(cloud: Cloud, x: Exchange, ours: (action: Action) => boolean): Action {
  const action = cloud.actions.get(id(x.params.action))
  const own = found(action && ours(action) ? action : undefined)
  look(cloud, (one) => one === own)
  return own
}
