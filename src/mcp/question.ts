import {
  createRequestStateCodec,
  type InputRequiredResult,
  inputRequired,
  inputResponse,
  type RequestStateCodec,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { z } from 'zod'
import type { Caller, Question } from '../snapshots/caller.ts'
import { fail } from '../snapshots/errors.ts'

/**
 * Puts a question of the service to a person through the client, in both protocol eras, and reads the answer.
 *
 * 2026-07-28: the reply carries the question and a signed `requestState`; the client repeats the call with both the
 * answer and the state. An answer is looked at only after the state was verified, so answers that come with a first
 * call, without our state, or from a client that cannot ask are no answers: the call is a first call. A state that is
 * forged, too old or another user's is a protocol error (-32602); one for another tool or other arguments is
 * PLAN_MISMATCH. Single use is the plan's: its claim is what a replay meets.
 *
 * 2025 and before: the server asks while the call waits. Nothing that the client sends with a call counts as an answer.
 */
type Answer = NonNullable<Caller['answer']>

/** What travels with an open question, signed, through the client. */
interface Pending {
  confirmation: string
  tool: string
  /** Digest of the arguments. */
  args: string
  typed: boolean
}

const KEY = 'approval'
/** Longer than any plan lives: an answer that comes too late is told so by the plan, in words. */
const STATE_TTL_SECONDS = 900
const ASK_TIMEOUT_MS = 600_000

export interface Questions {
  /** For `ServerOptions.requestState.verify`. */
  verify(state: string, ctx: ServerContext): Promise<Pending>
  /** The answer that a repeated call brings (2026-07-28), if it is one. */
  answerIn(ctx: ServerContext, tool: string, args: unknown): Promise<Answer | undefined>
  /** The reply that makes the client ask (2026-07-28). */
  embed(question: Question, tool: string, args: unknown): Promise<InputRequiredResult>
  /** Asks now and waits (2025 and before). No answer in time, or a client that fails, is a `cancel`. */
  ask(question: Question, ctx: ServerContext): Promise<Answer>
}

export function createQuestions(principal: string, key: () => Promise<Uint8Array>): Questions {
  let codec: Promise<RequestStateCodec<Pending>> | undefined
  const sealed = () => {
    codec ??= key()
      .then((bytes) =>
        createRequestStateCodec<Pending>({
          key: bytes,
          ttlSeconds: STATE_TTL_SECONDS,
          bind: () => principal,
        }),
      )
      .catch((error) => {
        // Not kept: what is put right must not need a new process.
        codec = undefined
        throw error
      })
    return codec
  }

  return {
    verify: async (state, ctx) => (await sealed()).verify(state, ctx),

    async answerIn({ mcpReq }, tool, args) {
      const pending = mcpReq.requestState<Pending>()
      if (pending === undefined) return undefined
      if (pending.tool !== tool || pending.args !== (await digestOf(args)))
        throw fail(
          'PLAN_MISMATCH',
          'This answer belongs to another call; nothing was changed.',
          `Call ${tool} once more without it: the person is asked about this call.`,
        )
      const response = inputResponse(mcpReq.inputResponses, KEY)
      return response.kind === 'elicit' ? readAnswer(response, pending) : undefined
    },

    async embed({ confirmation, message, typed }, tool, args) {
      const pending: Pending = { confirmation, tool, args: await digestOf(args), typed: typed !== undefined }
      // The codec binds to the principal, not to the request: its context argument is not looked at.
      const requestState = await (await sealed()).mint(pending, {} as ServerContext)
      const params = { message, requestedSchema: form(typed) }
      return inputRequired({ inputRequests: { [KEY]: inputRequired.elicit(params) }, requestState })
    },

    async ask({ confirmation, message, typed }, { mcpReq }) {
      const params = { message, requestedSchema: form(typed) }
      const options = { timeout: ASK_TIMEOUT_MS, signal: mcpReq.signal }
      const response = await mcpReq
        .send({ method: 'elicitation/create', params }, options)
        .catch(() => ({ action: 'cancel' }) as const)
      return readAnswer(response, { confirmation, typed: typed !== undefined })
    },
  }
}

const Confirmed = z.object({ confirm: z.literal(true) })
const Typed = z.object({ typed: z.string().max(200) })

/** `accept` alone is no yes: the box has to be ticked, or the characters typed. */
function readAnswer(
  { action, content }: { action: Answer['action']; content?: unknown },
  { confirmation, typed }: Pick<Pending, 'confirmation' | 'typed'>,
): Answer {
  if (action !== 'accept') return { confirmation, action }
  const filled = (typed ? Typed : Confirmed).safeParse(content)
  return filled.success ? { confirmation, action, content: filled.data } : { confirmation, action: 'decline' }
}

function form(typed: Question['typed']) {
  const field =
    typed === undefined
      ? { confirm: { type: 'boolean' as const, title: 'Yes, do it', default: false } }
      : {
          typed: {
            type: 'string' as const,
            title: typed.label,
            minLength: typed.length,
            maxLength: typed.length,
          },
        }
  return { type: 'object' as const, properties: field, required: Object.keys(field) }
}

/** The same for the same arguments, in whatever order the client wrote them. */
async function digestOf(args: unknown): Promise<string> {
  return (await import('../guard/digest.ts')).digest(args)
}
