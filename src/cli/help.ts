import { CREDENTIALS } from '../config/credentials.ts'
import { SETTINGS, type Setting } from '../config/settings.ts'

const COMMANDS = [
  ['serve', 'Serve MCP on stdin and stdout. The default.'],
  ['approve CODE', 'Show what an agent asks for, and say yes or no. Needs a terminal.'],
  ['unprotect ID', 'Lift the protection of a snapshot. Needs a terminal.'],
  [
    'transfer offer ID RECIPIENT',
    'Offer the snapshot of a Droplet to another account at DigitalOcean: an e-mail address, or the UUID of a team. It leaves this account once that one accepts. Needs a terminal, as do the next three.',
  ],
  ['transfer accept IMAGE TRANSFER UUID', 'Take over what another account has offered, into a team.'],
  ['transfer decline IMAGE TRANSFER', 'Refuse it.'],
  ['transfer cancel IMAGE TRANSFER', 'Take an own offer back that nobody has accepted yet.'],
  [
    'purge [--all] [--yes]',
    'Delete for good what has left the undo window, with --all everything in the trash, and free the space. Needs a terminal, or --yes.',
  ],
  [
    'verify [--sample 10%] [--json]',
    'Read back what is stored, all or a random share, and say what is damaged. Status 1 if anything is.',
  ],
  [
    'audit [--limit N] [--verify] [--json]',
    'Show what was decided and done last, 50 entries or N. With --verify check that none was changed or taken out. Status 1 if one was.',
  ],
  ['tools [--json]', 'Print the tools as a client gets them.'],
  [
    'token [--json]',
    'Make a token for a caller over HTTP: prints it, its hash, and what to put into the access file. Nothing is kept.',
  ],
] as const

const OTHERS = [
  [
    '--config FILE',
    'A JSON file with settings, by the keys in brackets, outside of every root. Unknown keys are errors.',
  ],
  [
    '--tenant NAME',
    'Of the tenants of the access file, which needs --access: whom approve, unprotect, transfer, purge, verify and audit are about.',
  ],
  ['-h, --help', 'Print this.'],
  ['-v, --version', 'Print the version.'],
] as const

const WIDTH = 96
const INDENT = 20

/** What `--help` prints; the settings and the variables of the vendors come from their tables. */
export function helpText(): string {
  const settings = Object.entries(SETTINGS) as [string, Setting][]
  return `Usage: snapshot-mcp [COMMAND] [SETTINGS]

Save points for AI agents: an MCP server that snapshots and restores directories and machines.

Commands:
${COMMANDS.map(row).join('\n')}

Settings (a flag beats its variable, a variable beats the configuration file):
${settings.map(([key, setting]) => row([flagOf(setting), wordsOf(key, setting)])).join('\n')}

${OTHERS.map(row).join('\n')}

Accounts at clouds (variables only; of those for the same thing the first that is set counts):
${CREDENTIALS.map(({ variable, about }) => row([variable, about])).join('\n')}
`
}

export const flagOf = ({ flag, value }: Setting) => (value === undefined ? `--${flag}` : `--${flag} ${value}`)

const wordsOf = (key: string, { about, fallback, variable }: Setting) =>
  `${about} Default: ${fallback}. ${variable} [${key}]`

function row([head, text]: readonly [string, string]): string {
  const lines = wrap(text, WIDTH - INDENT)
  const first = head.length < INDENT - 3 ? `  ${head.padEnd(INDENT - 2)}${lines.shift()}` : `  ${head}`
  return [first, ...lines.map((line) => ' '.repeat(INDENT) + line)].join('\n')
}

function wrap(text: string, width: number): string[] {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!
    if (line.length + word.length >= width) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines
}
