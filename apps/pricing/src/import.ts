/**
 * Importing prices into a running system: which of the source's books would change anything, and how.
 * Pure: publishing is `versions.ts`. A book that changes nothing is not published again.
 */
import { formatInstant, type Instant } from "@credits/kernel"
import { versionAt, type PriceBook, type PriceBookData } from "@credits/pricebook"

export interface BookChange {
  readonly book: PriceBookData
  readonly effectiveAt: Instant
  readonly added: ReadonlyArray<string>
  readonly removed: ReadonlyArray<string>
  readonly changed: ReadonlyArray<string>
}

/** Equal data gives equal text, in whatever order its fields were written. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )

const modelsOf = (book: PriceBookData | null): ReadonlyMap<string, string> =>
  new Map((book?.models ?? []).map((model) => [model.id, canonical(model)]))

const compare = (before: PriceBookData | null, after: PriceBookData): Omit<BookChange, "book" | "effectiveAt"> => {
  const old = modelsOf(before)
  const next = modelsOf(after)
  return {
    added: [...next.keys()].filter((id) => !old.has(id)),
    removed: [...old.keys()].filter((id) => !next.has(id)),
    changed: [...next].filter(([id, text]) => old.has(id) && old.get(id) !== text).map(([id]) => id),
  }
}

/**
 * The source's book in force now and its later ones, each against what would be in force then, without the ones that
 * change nothing. The one for now takes effect at `now` under a version that names that instant.
 */
export const planImport = (
  source: ReadonlyArray<PriceBookData>,
  prefix: string,
  published: ReadonlyArray<PriceBook>,
  now: Instant,
): ReadonlyArray<BookChange> => {
  const dated = source.map((book) => ({ book, effectiveAt: Date.parse(book.effectiveAt) }))
  const current = versionAt(dated, now)
  const stamp = formatInstant(now).replace(/[-:]/g, "").replace(/\..*/, "")
  const candidates = [
    ...(current === null
      ? []
      : [
          {
            book: { ...current.book, version: `${prefix}-${stamp}`, effectiveAt: formatInstant(now) },
            effectiveAt: now,
          },
        ]),
    ...dated.filter(({ effectiveAt }) => effectiveAt > now),
  ]
  const changes: Array<BookChange> = []
  for (const { book, effectiveAt } of candidates) {
    const existing = versionAt(published, effectiveAt)
    const planned = changes.at(-1)
    const before =
      planned !== undefined && planned.effectiveAt >= (existing?.effectiveAt ?? -Infinity)
        ? planned.book
        : existing?.data
    const change = compare(before ?? null, book)
    if (change.added.length + change.removed.length + change.changed.length === 0) continue
    const taken = published.some((one) => one.version === book.version)
    changes.push({ book: taken ? { ...book, version: `${book.version}-${stamp}` } : book, effectiveAt, ...change })
  }
  return changes
}
