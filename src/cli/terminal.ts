import { userInfo } from 'node:os'
import { createInterface } from 'node:readline/promises'

/** A person on the other side, or not. */
export interface Terminal {
  interactive: boolean
  say(text: string): void
  ask(question: string): Promise<string>
}

/** For the records: who sits there. */
export const operator = () => `terminal:${userInfo().username}`

export function terminalOf({ stdin, stdout }: Pick<NodeJS.Process, 'stdin' | 'stdout'>): Terminal {
  return {
    interactive: stdin.isTTY === true && stdout.isTTY === true,
    say: (text) => void stdout.write(`${text}\n`),
    async ask(question) {
      const lines = createInterface({ input: stdin, output: stdout })
      try {
        return await Promise.race([
          lines.question(question),
          // Ctrl-D and Ctrl-C are a no.
          new Promise<string>((resolve) => lines.once('close', () => resolve(''))),
        ])
      } finally {
        lines.close()
      }
    },
  }
}
