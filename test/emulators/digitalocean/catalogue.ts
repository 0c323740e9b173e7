/** What is for sale: small, but with the differences that matter. Prices in US dollars a month, disks in GB. */

export interface Size {
  slug: string
  memory: number
  vcpus: number
  disk: number
  transfer: number
  price_monthly: number
  regions: readonly string[]
}

export interface Region {
  slug: string
  name: string
  available: boolean
  storage: boolean
}

const region = (slug: string, name: string, available = true, storage = true): Region => ({
  slug,
  name,
  available,
  storage,
})

export const REGIONS: readonly Region[] = [
  region('nyc1', 'New York 1'),
  region('nyc2', 'New York 2', false, false),
  region('nyc3', 'New York 3'),
  region('sfo3', 'San Francisco 3'),
  region('ams3', 'Amsterdam 3'),
  region('fra1', 'Frankfurt 1'),
  region('lon1', 'London 1'),
  region('sgp1', 'Singapore 1'),
  region('blr1', 'Bangalore 1'),
  region('syd1', 'Sydney 1'),
]

const OPEN = REGIONS.filter(({ available }) => available).map(({ slug }) => slug)

const size = (
  slug: string,
  memory: number,
  vcpus: number,
  disk: number,
  price_monthly: number,
  regions = OPEN,
) => ({
  slug,
  memory,
  vcpus,
  disk,
  transfer: disk / 25,
  price_monthly,
  regions,
})

export const SIZES: readonly Size[] = [
  size('s-1vcpu-512mb-10gb', 512, 1, 10, 4, ['nyc1', 'fra1']),
  size('s-1vcpu-1gb', 1024, 1, 25, 6),
  size('s-1vcpu-2gb', 2048, 1, 50, 12),
  size('s-2vcpu-4gb', 4096, 2, 80, 24),
  size('s-4vcpu-8gb', 8192, 4, 160, 48),
]

/** Public images of the service. */
export const DISTRIBUTIONS = [
  { id: 112929454, name: '22.04 (LTS) x64', distribution: 'Ubuntu', slug: 'ubuntu-22-04-x64' },
  { id: 155133621, name: '24.04 (LTS) x64', distribution: 'Ubuntu', slug: 'ubuntu-24-04-x64' },
  { id: 139080699, name: '12 x64', distribution: 'Debian', slug: 'debian-12-x64' },
] as const

export const DISTRIBUTION_REGIONS: readonly string[] = OPEN

export function findRegion(slug: string): Region | undefined {
  return REGIONS.find((one) => one.slug === slug)
}

export function findSize(slug: string): Size | undefined {
  return SIZES.find((one) => one.slug === slug)
}

export function regionJson({ slug, name, available, storage }: Region) {
  const features = ['backups', 'ipv6', 'metadata', 'install_agent', 'image_transfer']
  return {
    name,
    slug,
    features: storage ? [...features, 'storage'] : features,
    available,
    sizes: SIZES.filter(({ regions }) => regions.includes(slug)).map((one) => one.slug),
  }
}

export function sizeJson(of: Size) {
  return {
    ...of,
    price_hourly: of.price_monthly / 672,
    available: true,
    description: 'Basic',
    disk_info: [{ type: 'local', size: { amount: of.disk, unit: 'gib' } }],
  }
}
