/**
 * What Morph does not document, as this provider takes it, all in one place:
 *
 * - A list gives as many items a page as are asked for, or fewer and then says that there are more.
 * - A snapshot is looked for by its metadata for a minute, see `once.ts`; a list does not lag behind for longer.
 * - A snapshot that another program has made is one of its base image, and holds a disk; whether it also holds a
 *   memory is told nowhere.
 * - A time to live at which no moment of expiry is told is none that can be shown.
 * - To set a time to live begins it anew, and to set it twice does no harm.
 * - An instance is `saving` for as long as a capture or a branch of it is under way, whatever is shown of that.
 * - A branch with a digest that stands for a snapshot starts its copies from that one. Nothing limits their time.
 * - Sizes in MB are passed on as they are: whether one has 1000 or 1024 KB is told nowhere.
 * - A digest may name a snapshot that has failed: what comes back is judged by its status.
 * - An instance may be started from a snapshot as often as wanted, and goes on when that is deleted.
 */

/** What a snapshot is made of when nothing is said. The vendor's default. */
export const DEFAULT_IMAGE = 'morphvm-minimal'

/** Items a page of a list. The vendor's clients ask for 50, and nobody knows of a limit. */
export const PAGE = 100

/** A server that ignores `sync: false` answers when it has saved all the memory and the disk. */
export const CAPTURE_ANSWER_MS = 10 * 60_000
/** Anything else that makes something. */
export const ANSWER_MS = 2 * 60_000

/** How long to wait for the end of what was begun; what takes longer is looked for again later. */
export const MADE_MS = 30 * 60_000
/** The vendor collects what is deleted some time later. */
export const GONE_MS = 5 * 60_000
/** The vendor's own clients look once a second. */
export const FIRST_LOOK_MS = 1000

/** Ids are opaque, but none holds anything that would make another address; these two words are addresses. */
export const isId = (text: string) => /^(?!(?:list|pull)$)[A-Za-z0-9_-]{1,128}$/.test(text)

/** Metadata keys beyond these might be read otherwise in a query, so the server is not asked for them. */
export const isPlainKey = (text: string) => /^[\w.-]+$/.test(text)

/** Refusals for want of money or room come as 403, too, and differ by their words only. */
export const isAboutQuota = (text: string) => /quota|limit|credit|billing|payment|exceed/i.test(text)

/** What makes an instance refuse a capture, where it passes by itself; a paused one stays so. */
export const passesByItself = (text: string) =>
  /cannot be snapshotted|saving|pending|busy|in progress/i.test(text) && !/paused/i.test(text)
