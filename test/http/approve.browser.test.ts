import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { granted } from '../guard/desk.ts'
import { refusal } from '../snapshots/world.ts'
import { inBrowser, type Page } from './approve-browser.ts'
import { createPageWorld, type PageWorldOptions } from './approve-world.ts'

const LONG = 'x'.repeat(4096)
const HOSTILE: PageWorldOptions = {
  view: {
    summary: `Delete 2 snapshots: "<script>document.title = 'Approved'</script>", "${LONG}"`,
    warnings: [`"</ul><img src=x onerror=document.title='Approved'>" is the newest.`, LONG],
    effects: { snapshots: [`memory:${LONG}`, 'memory:abc123456'] },
  },
}

inBrowser('the approval page', (open) => {
  /** An agent waits, and its person has opened the address that it was given. */
  async function visit(options: PageWorldOptions = {}, context: object = {}) {
    const world = await createPageWorld(options)
    const asked = await world.ask()
    const page = await open(context)
    const complaints: string[] = []
    page.on('console', (message) => complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(error.message))
    await page.goto(`${world.url}/approve/${asked.code}`)
    return { ...asked, world, page, complaints }
  }

  async function signIn(page: Page, token = 'token-of-ann') {
    await page.getByLabel('Token').fill(token)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await heading(page, token === 'token-of-ann' ? 'Allow this delete?' : 'Not signed in')
  }

  /** Waits for the page with this heading. */
  const heading = (page: Page, name: string) =>
    page.getByRole('heading', { name, exact: true, level: 1 }).innerText()
  const focused = (page: Page) =>
    page.evaluate<string>('document.activeElement.id || document.activeElement.textContent')
  const tab = async (page: Page, until: string) => {
    for (let steps = 0; steps < 10 && (await focused(page)) !== until; steps++)
      await page.keyboard.press('Tab')
    expect(await focused(page)).toBe(until)
  }

  test('lets a person sign in, read the plan and decline', async () => {
    const { page, again, complaints } = await visit()
    await signIn(page)
    expect(await page.locator('main').innerText()).toContain('Delete "my snapshot"')
    await page.getByRole('button', { name: 'Decline' }).click()
    await heading(page, 'Declined')
    await refusal(again(), 'APPROVAL_DECLINED')
    expect(complaints).toEqual([])
  })

  test('lets a person type the characters and approve, after which the repeated call runs', async () => {
    const { page, again, complaints } = await visit()
    await signIn(page)
    await page.getByLabel(/type the last 6 characters of memory:abc123456/).fill('123456')
    await page.getByRole('button', { name: 'Approve' }).click()
    await heading(page, 'Approved')
    expect(granted(await again()).passed).toMatchObject({ approved_by: 'page:ann' })
    await page.goto(page.url())
    await heading(page, 'Approved')
    expect(complaints).toEqual([])
  })

  test('can be used with the keyboard alone, and shows where one is', async () => {
    const { page, again } = await visit()
    await page.waitForSelector('#token:focus')
    await page.keyboard.type('token-of-ann')
    await page.keyboard.press('Enter')
    await heading(page, 'Allow this delete?')
    for (const stop of ['typed', 'Approve', 'Decline']) {
      await tab(page, stop)
      const outline = 'getComputedStyle(document.activeElement).outlineStyle'
      expect(await page.evaluate(outline)).toBe('solid')
    }
    await page.keyboard.press('Shift+Tab')
    await page.keyboard.press('Shift+Tab')
    expect(await focused(page)).toBe('typed')
    await page.keyboard.type('wrong!')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').innerText()
    // Where the person has to go on.
    await page.waitForSelector('#typed:focus')
    await page.keyboard.type('123456')
    await page.keyboard.press('Enter')
    await heading(page, 'Approved')
    granted(await again())
  })

  test('tells a screen reader what it shows', async () => {
    const { page } = await visit({ view: { effects: {}, warnings: ['It is the newest.'] } })
    expect(await page.evaluate('document.documentElement.lang')).toBe('en')
    expect(await page.title()).toBe('Sign in to decide - snapshot-mcp')
    await signIn(page, 'wrong')
    expect(await page.getByRole('alert').innerText()).toContain('This token is not taken here')
    await signIn(page)
    expect(await page.title()).toBe('Allow this delete? - snapshot-mcp')
    const tree = await page.locator('body').ariaSnapshot()
    const order = [
      'banner:',
      'main:',
      'heading "Allow this delete?" [level=1]',
      'This cannot be undone.',
      'Delete "my snapshot"',
      'heading "Warnings" [level=2]',
      'listitem: It is the newest.',
      'heading "What it would do" [level=2]',
      'term: Asked by',
      'definition: an agent that works for ann',
      'textbox "This cannot be undone. To approve it, type the last 6 characters of memory:abc123456"',
      'button "Approve"',
      'button "Decline"',
    ]
    const places = order.map((each) => tree.indexOf(each))
    expect(places, tree).not.toContain(-1)
    expect(places).toEqual([...places].sort((a, b) => a - b))
    expect(await page.getByRole('heading', { level: 1 }).count()).toBe(1)
    await page.getByLabel(/type the last/).fill('wrong!')
    await page.getByRole('button', { name: 'Approve' }).click()
    await page.getByRole('alert').innerText()
    const described = `(() => {
      const field = document.getElementById('typed')
      return [field.ariaInvalid, document.getElementById(field.getAttribute('aria-describedby')).textContent]
    })()`
    expect(await page.evaluate(described)).toEqual([
      'true',
      expect.stringContaining('Those are not the last 6 characters'),
    ])
  })

  test.each([
    ['on a narrow telephone', 320, 1],
    ['at twice the size', 640, 2],
  ])('fits %s, with names of any length', async (_where, width, zoom) => {
    const { page } = await visit(HOSTILE, { viewport: { width, height: 700 } })
    const fits = async () => {
      await page.evaluate(`document.documentElement.style.fontSize = '${zoom * 100}%'`)
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
    }
    await fits()
    await signIn(page)
    await fits()
    for (const name of ['Approve', 'Decline']) {
      const box = (await page.getByRole('button', { name }).boundingBox())!
      expect(box.x).toBeGreaterThanOrEqual(0)
      expect(box.x + box.width).toBeLessThanOrEqual(width)
      expect(box.height).toBeGreaterThanOrEqual(44)
    }
    await page.getByRole('button', { name: 'Decline' }).click()
    await heading(page, 'Declined')
    await fits()
  })

  test('runs nothing that a name holds', async () => {
    const { page, complaints } = await visit(HOSTILE)
    await signIn(page)
    expect(await page.title()).toBe('Allow this delete? - snapshot-mcp')
    expect(await page.evaluate('document.querySelectorAll("script, img, a, form").length')).toBe(1)
    expect(complaints).toEqual([])
  })

  test.each(['light', 'dark'])('can be read in the %s', async (colorScheme) => {
    const { page } = await visit({ view: { warnings: ['It is the newest.'] } }, { colorScheme })
    const check = async () => {
      const all = await page.evaluate<{ text: string; ratio: number }[]>(CONTRASTS)
      expect(all.length).toBeGreaterThan(3)
      expect(all.filter(({ ratio }) => ratio < 4.5)).toEqual([])
    }
    await check()
    await signIn(page, 'wrong')
    await check()
    await signIn(page)
    await page.getByLabel(/type the last/).fill('wrong!')
    await page.getByRole('button', { name: 'Approve' }).click()
    await page.getByRole('alert').innerText()
    await check()
    await page.getByRole('button', { name: 'Decline' }).click()
    await heading(page, 'Declined')
    await check()
    const back = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
    expect(back).toBe(colorScheme === 'dark' ? 'rgb(16, 21, 27)' : 'rgb(243, 245, 248)')
  })

  test('leaves nothing in the browser that it sends to another port of the same host', async () => {
    const { page, world, code } = await visit()
    await signIn(page)
    const received: IncomingHttpHeaders[] = []
    const app = await neighbour((req, res) => {
      received.push(req.headers)
      res.end('The app that the agent made')
    })
    await page.goto(`${app}/approve/${code}`)
    expect(received).not.toEqual([])
    for (const headers of received) expect(headers).not.toHaveProperty('cookie')
    await page.goto(`${world.url}/approve/${code}`)
    await heading(page, 'Sign in to decide')
  })

  test('asks about the token again for the decision, and for a new one where it was taken back', async () => {
    const { page, world, again } = await visit()
    await signIn(page)
    const anns = world.tokens['token-of-ann']!
    delete world.tokens['token-of-ann']
    await page.getByRole('button', { name: 'Decline' }).click()
    await heading(page, 'Not signed in')
    expect(await again()).toMatchObject({ reply: { status: 'approval_required' } })
    world.tokens['token-of-ann'] = anns
    await signIn(page)
    await page.getByRole('button', { name: 'Decline' }).click()
    await heading(page, 'Declined')
  })

  test('takes no form from a page of a neighbour, and is shown in no frame', async () => {
    const { page, world, code, again } = await visit()
    await signIn(page)
    const evil = await neighbour((req, res) => {
      const form = `<form method="post" action="${world.url}/approve/${code}">
        <input name="decision" value="decline"><button>Win a prize</button></form>`
      const frame = `<iframe src="${world.url}/approve/${code}"></iframe>`
      res.setHeader('content-type', 'text/html').end(req.url === '/frame' ? frame : form)
    })
    await page.goto(evil)
    await page.getByRole('button', { name: 'Win a prize' }).click()
    await page.waitForSelector('body:has-text("The request comes from a web page that may not call")')
    await page.goto(`${evil}/frame`)
    // Chromium's own page about what it does not show.
    expect(page.frames().map((frame) => frame.url())).toEqual([
      `${evil}/frame`,
      'chrome-error://chromewebdata/',
    ])
    expect(world.written).toEqual([])
    expect(await again()).toMatchObject({ reply: { status: 'approval_required' } })
  })
})

/** Another port of the same host: to a browser the same site. */
async function neighbour(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** For each piece of text that can be seen, how far its colour stands out from what is behind it (WCAG 2, 1 to 21). */
const CONTRASTS = `(() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number)
  const light = (colour) => {
    const [r, g, b] = channels(colour).map((each) => each / 255).map((each) => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const behind = (element) => {
    const colour = getComputedStyle(element).backgroundColor
    return channels(colour)[3] === 0 ? behind(element.parentElement) : colour
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  const all = []
  while (walker.nextNode()) {
    const { textContent, parentElement } = walker.currentNode
    if (textContent.trim() === '') continue
    const [a, b] = [light(getComputedStyle(parentElement).color), light(behind(parentElement))]
    all.push({ text: textContent.trim(), ratio: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) })
  }
  return all
})()`
