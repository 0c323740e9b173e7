/** What a variable gives to the account of a cloud. */
export type Part = 'key' | 'baseUrl' | 'region' | 'organizationId'

export interface Credential {
  provider: string
  part: Part
  variable: string
  /** Another variable without which this one says too little. */
  needs?: string
  about: string
}

/**
 * Every variable of the vendors that is read. Of those for one part the first that is set counts. There are no flags
 * for them, which every user of the machine could see, and no keys in the configuration file, which gets copied.
 */
export const CREDENTIALS: readonly Credential[] = [
  {
    provider: 'morph',
    part: 'key',
    variable: 'MORPH_API_KEY',
    about:
      'API key of Morph Cloud. An unrelated product reads the same variable: if yours is for that one, leave `morph` out with `--providers`.',
  },
  {
    provider: 'morph',
    part: 'baseUrl',
    variable: 'MORPH_BASE_URL',
    about: 'Address of its API, `/api` included. Default: https://cloud.morph.so/api.',
  },
  {
    provider: 'daytona',
    part: 'key',
    variable: 'DAYTONA_API_KEY',
    about: 'API key of Daytona, which belongs to one organization.',
  },
  {
    provider: 'daytona',
    part: 'key',
    variable: 'DAYTONA_JWT_TOKEN',
    needs: 'DAYTONA_ORGANIZATION_ID',
    about: 'A token of a person instead, together with `DAYTONA_ORGANIZATION_ID`.',
  },
  {
    provider: 'daytona',
    part: 'organizationId',
    variable: 'DAYTONA_ORGANIZATION_ID',
    about: 'The organization that `DAYTONA_JWT_TOKEN` is to act for. An API key needs none.',
  },
  {
    provider: 'daytona',
    part: 'baseUrl',
    variable: 'DAYTONA_API_URL',
    about: 'Address of its API, `/api` included. Default: https://app.daytona.io/api.',
  },
  {
    provider: 'daytona',
    part: 'baseUrl',
    variable: 'DAYTONA_SERVER_URL',
    about: 'The former name of `DAYTONA_API_URL`.',
  },
  {
    provider: 'daytona',
    part: 'region',
    variable: 'DAYTONA_TARGET',
    about: 'The region of new snapshots and sandboxes. Default: that of the organization.',
  },
  {
    provider: 'digitalocean',
    part: 'key',
    variable: 'DIGITALOCEAN_TOKEN',
    about: 'Personal access token of DigitalOcean.',
  },
  {
    provider: 'digitalocean',
    part: 'key',
    variable: 'DIGITALOCEAN_ACCESS_TOKEN',
    about: 'The same, under the name that doctl gives it.',
  },
  {
    provider: 'digitalocean',
    part: 'key',
    variable: 'DIGITALOCEAN_API_TOKEN',
    about: 'The same, under a third name.',
  },
  {
    provider: 'digitalocean',
    part: 'baseUrl',
    variable: 'DIGITALOCEAN_API_URL',
    about: 'Address of its API, without `/v2`. Default: https://api.digitalocean.com.',
  },
]
