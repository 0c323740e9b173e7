import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { vendorPackage, withVendor } from '../emulators/vendor.ts'
import { describeWith } from '../support/needs.ts'

/** What these tests need of playwright-core. */
export interface Page {
  goto(url: string): Promise<unknown>
  url(): string
  title(): Promise<string>
  frames(): { url(): string }[]
  locator(selector: string): Locator
  getByRole(role: string, options?: { name?: string; exact?: boolean; level?: number }): Locator
  getByLabel(text: string | RegExp): Locator
  keyboard: { press(key: string): Promise<void>; type(text: string): Promise<void> }
  /** In the page. */
  evaluate<T>(work: string): Promise<T>
  waitForSelector(selector: string): Promise<unknown>
  on(event: 'console', listener: (message: { type(): string; text(): string }) => void): void
  on(event: 'pageerror', listener: (error: Error) => void): void
}
export interface Locator {
  count(): Promise<number>
  fill(text: string): Promise<void>
  click(): Promise<void>
  innerText(): Promise<string>
  ariaSnapshot(): Promise<string>
  boundingBox(): Promise<{ x: number; y: number; width: number; height: number } | null>
}
interface Browser {
  newContext(options?: object): Promise<{ newPage(): Promise<Page>; close(): Promise<void> }>
  close(): Promise<void>
}
interface Playwright {
  chromium: { launch(options: object): Promise<Browser> }
}

const NAMES = ['chromium', 'chromium-browser', 'google-chrome']
const PATH = (process.env.PATH ?? '').split(delimiter)
const CHROMIUM = PATH.flatMap((directory) => NAMES.map((name) => join(directory, name))).find(existsSync)

/** Nothing of it may reach for the network. */
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
]

export type OpenPage = (options?: object) => Promise<Page>

/** Tests in Chromium. */
export function inBrowser(title: string, body: (open: OpenPage) => void): void {
  const within = () => {
    let browser: Browser
    const contexts: { close(): Promise<void> }[] = []
    beforeAll(async () => {
      const { chromium } = await vendorPackage<Playwright>('playwright-core')
      browser = await chromium.launch({ executablePath: CHROMIUM!, headless: true, args: ARGS })
    })
    afterAll(async () => {
      for (const context of contexts) await context.close()
      await browser.close()
    })
    body(async (options = {}) => {
      const context = await browser.newContext(options)
      contexts.push(context)
      return context.newPage()
    })
  }
  if (CHROMIUM) withVendor(title, within)
  else describeWith('chromium, which scripts/test-tools.sh installs', title, within)
}
