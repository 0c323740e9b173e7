import { expect, test } from 'vitest'
import { redisLibrary } from '../../../src/state/redis/library.ts'
import { reasonOf } from '../../../src/state/redis/trouble.ts'

test.each([
  ["READONLY You can't write against a read only replica. script: 5d, on @user_script:3.", 'READONLY'],
  [
    "ERR Error running script (call to f_5d): @user_script:3: @user_script: 3: -READONLY You can't write against a read only replica.",
    'READONLY',
  ],
  ['ERR Error running script (call to f_5d): @user_script:3: no such thing', 'ERR'],
  ["ERR The user executing the script can't run this command or subcommand script: 5d", 'NOPERM'],
  ['what is this', 'ERR'],
])('what a Redis, old or new, answers to a script has the same reason (%s)', async (message, reason) => {
  const { ErrorReply } = await redisLibrary()
  expect(reasonOf(new ErrorReply(message))).toBe(reason)
})
