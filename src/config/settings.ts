import { z } from 'zod'
import { Count, KeySource, Origin, Origins, Paths, Port, Size, Text, Toggle, Words } from './values.ts'

/**
 * Every setting once: its flag, its variable, its key in the configuration file, its type and its words. `--help` and
 * `docs/configuration.md` are generated from this table. A flag beats a variable, a variable beats the file.
 */
export interface Setting {
  flag: string
  variable: string
  /** Shown after the flag; absent for a switch. */
  value?: string
  /** A flag that may be given several times. */
  repeatable?: true
  schema: z.ZodType
  /** The default, in words. */
  fallback: string
  about: string
}

export const SETTINGS = {
  roots: {
    flag: 'root',
    variable: 'SNAPSHOT_MCP_ROOTS',
    value: 'DIR',
    repeatable: true,
    schema: Paths,
    fallback: 'the working directory',
    about:
      'Directories that may be captured and restored. The variable takes several, separated like PATH. Refused: the root of a file system, your home directory, and anything that overlaps --home or --state.',
  },
  home: {
    flag: 'home',
    variable: 'SNAPSHOT_MCP_HOME',
    value: 'DIR',
    schema: Text,
    fallback: '$XDG_DATA_HOME/snapshot-mcp or ~/.local/share/snapshot-mcp',
    about: 'Where snapshots and the state of the server are kept, readable by you only.',
  },
  providers: {
    flag: 'providers',
    variable: 'SNAPSHOT_MCP_PROVIDERS',
    value: 'LIST',
    schema: Words,
    fallback: 'local, and each cloud whose key is set',
    about:
      'The enabled providers, separated by commas: local, morph, daytona, digitalocean. A cloud takes its key from a variable of its vendor.',
  },
  read_only: {
    flag: 'read-only',
    variable: 'SNAPSHOT_MCP_READ_ONLY',
    schema: Toggle,
    fallback: 'false',
    about: 'Offer only the tools that change nothing.',
  },
  guard: {
    flag: 'guard',
    variable: 'SNAPSHOT_MCP_GUARD',
    value: 'MODE',
    schema: z.enum(['auto', 'token', 'human'], { error: 'must be auto, token or human' }),
    fallback: 'auto',
    about:
      'Who confirms a restore or a delete. auto: a person where the client can ask one, else a token. token: always a token. human: always a person.',
  },
  policy: {
    flag: 'policy',
    variable: 'SNAPSHOT_MCP_POLICY',
    value: 'FILE',
    schema: Text,
    fallback: 'none',
    about:
      'A JSON file with limits that no call can loosen, read anew for each decision. It must lie outside of every root.',
  },
  max_store: {
    flag: 'max-store',
    variable: 'SNAPSHOT_MCP_MAX_STORE',
    value: 'SIZE',
    schema: Size,
    fallback: 'no limit',
    about: 'The most that local snapshots may occupy, for example 20GB.',
  },
  max_source: {
    flag: 'max-source',
    variable: 'SNAPSHOT_MCP_MAX_SOURCE',
    value: 'SIZE',
    schema: Size,
    fallback: 'no limit',
    about:
      'The most bytes that the snapshots of one source may bring into the local store, for example 5GB. What earlier snapshots hold already, safety snapshots and the trash do not count.',
  },
  encrypt: {
    flag: 'encrypt',
    variable: 'SNAPSHOT_MCP_ENCRYPT',
    value: 'KEY',
    schema: KeySource,
    fallback: 'no encryption',
    about:
      'Encrypt local snapshots with this key: `file:/path/to/key`, or `command:program args`, which prints it. A store is encrypted from its first day or never.',
  },
  state: {
    flag: 'state',
    variable: 'SNAPSHOT_MCP_STATE',
    value: 'URL',
    schema: Text,
    fallback: 'file:',
    about:
      'Where plans, operations and locks live: `file:` is a directory inside --home, `file:/abs/dir` another, and `redis://host` or `rediss://host` a Redis that several replicas share.',
  },
  http: {
    flag: 'http',
    variable: 'SNAPSHOT_MCP_HTTP',
    schema: Toggle,
    fallback: 'false',
    about: 'Serve Streamable HTTP at /mcp instead of stdin and stdout.',
  },
  host: {
    flag: 'host',
    variable: 'SNAPSHOT_MCP_HOST',
    value: 'ADDRESS',
    schema: Text,
    fallback: '127.0.0.1',
    about:
      'The address to listen on. Any other than one of this machine alone needs --access, and --public-url where it is a wildcard.',
  },
  port: {
    flag: 'port',
    variable: 'SNAPSHOT_MCP_PORT',
    value: 'NUMBER',
    schema: Port,
    fallback: '8484',
    about: 'The port to listen on. 0: one that is free.',
  },
  public_url: {
    flag: 'public-url',
    variable: 'SNAPSHOT_MCP_PUBLIC_URL',
    value: 'URL',
    schema: Origin,
    fallback: 'http://HOST:PORT',
    about:
      'How clients reach this server, without a path, such as `https://snapshots.example.org`. A name that others can reach needs --access.',
  },
  allow_origins: {
    flag: 'allow-origin',
    variable: 'SNAPSHOT_MCP_ALLOW_ORIGINS',
    value: 'ORIGIN',
    repeatable: true,
    schema: Origins,
    fallback: 'that of --public-url, and that of the address and port',
    about:
      'Web pages that may call this server, by their whole origin, such as `http://localhost:6274`: requests that a browser sends from elsewhere are refused. The variable takes several, separated by commas.',
  },
  access: {
    flag: 'access',
    variable: 'SNAPSHOT_MCP_ACCESS',
    value: 'FILE',
    schema: Text,
    fallback: 'none: whoever reaches a loopback address',
    about:
      'A JSON file that says who may call over HTTP: tokens, an OAuth issuer, tenants. Read anew when it changes. It must lie outside of every root.',
  },
  legacy: {
    flag: 'legacy',
    variable: 'SNAPSHOT_MCP_LEGACY',
    value: 'MODE',
    schema: z.enum(['sessions', 'stateless', 'reject'], { error: 'must be sessions, stateless or reject' }),
    fallback: 'sessions, with several replicas stateless',
    about:
      'How clients before 2026-07-28 are served over HTTP. sessions: with questions to a person, by the replica that they began with. stateless: by any, without questions. reject: not at all.',
  },
  replicas: {
    flag: 'replicas',
    variable: 'SNAPSHOT_MCP_REPLICAS',
    value: 'NUMBER',
    schema: Count,
    fallback: '1',
    about:
      'How many servers stand behind one address. More than one without a state that they share: what destroys is refused.',
  },
  rate_limit: {
    flag: 'rate-limit',
    variable: 'SNAPSHOT_MCP_RATE_LIMIT',
    value: 'NUMBER',
    schema: Count,
    fallback: '1200',
    about:
      'The most requests of one caller in a minute, over HTTP, of all replicas together where they share a state.',
  },
  max_concurrency: {
    flag: 'max-concurrency',
    variable: 'SNAPSHOT_MCP_MAX_CONCURRENCY',
    value: 'NUMBER',
    schema: Count,
    fallback: '32',
    about:
      'The most calls of one caller that run at once, over HTTP. A server runs eight times as many in all.',
  },
  max_connections: {
    flag: 'max-connections',
    variable: 'SNAPSHOT_MCP_MAX_CONNECTIONS',
    value: 'NUMBER',
    schema: Count,
    fallback: '1024',
    about: 'The most connections over HTTP.',
  },
  log_level: {
    flag: 'log-level',
    variable: 'SNAPSHOT_MCP_LOG_LEVEL',
    value: 'LEVEL',
    schema: z.enum(['debug', 'info', 'warn', 'error'], { error: 'must be debug, info, warn or error' }),
    fallback: 'info',
    about: 'What goes to stderr, as JSON lines.',
  },
} as const satisfies Record<string, Setting>

export type Key = keyof typeof SETTINGS
/** What was set, parsed. Absent: not set anywhere. */
export type Given = { [K in Key]?: z.output<(typeof SETTINGS)[K]['schema']> }
