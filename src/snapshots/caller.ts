/** Who is calling and how to reach them: the only thing a face tells the service beside the arguments. */
export interface Caller {
  /** Bound into plans and operations. On stdio and in a terminal: the operating system's user, e.g. `local:1000`. */
  principal: string
  /** Name and version the client gave of itself. For the records only, never for a decision. */
  client?: string
  signal: AbortSignal
  progress(done: number, total: number | undefined, message: string): void
  /** True when the face can put a question to a person through a channel that the model cannot write to. */
  canAsk: boolean
  /** A person's answer to a Question, after the face has verified that it answers one that this server asked. */
  answer?: {
    confirmation: string
    action: 'accept' | 'decline' | 'cancel'
    content?: Record<string, unknown>
  }
}

/** What a destructive operation returns when a person has to be asked first. The face asks and calls again. */
export interface Question {
  status: 'question'
  /** The id of the plan, to be handed back in `Caller.answer.confirmation`. */
  confirmation: string
  /** Built by the server from facts it resolved, sanitised, plain text. */
  message: string
  /** What the person must type: present for irreversible operations (the last characters of the id). */
  typed?: { label: string; length: number }
}
