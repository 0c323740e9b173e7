import { dieAt } from './die-at.ts'

/** To be loaded before the server: `node --import dying-server.mjs`. See die-at.ts for the variable. */
dieAt(process.env.DIE_AT ?? '')
