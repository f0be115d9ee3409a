/**
 * The border: requests on `pricing.request.*` and `pricing.control` → answers. Decodes, calls, encodes; decides
 * nothing. Every answer is `{ok}` or `{refused}`; a question is never left without one because its answer failed.
 */
import { Border, followClock, type BusHandle, type RunningClock } from "@credits/bus"
import {
  SUBJECTS,
  type ControlAnswer,
  type ControlRequest,
  type ImportAnswer,
  type PricingRefusal,
  type PricingRequest,
  type PublishAnswer,
  type QuoteAnswer,
  type UsageAnswer,
} from "@credits/contracts"
import { quoteMaximum, type CallRefused, type Catalogue, type PriceBook } from "@credits/pricebook"
import { bundledBooks, GENAI_SOURCE, GENAI_VERSION } from "./genai-source.ts"
import { planImport } from "./import.ts"
import type { Report } from "./intake.ts"
import { modelsAnswer, plansAnswer } from "./price-list.ts"
import type { UsageRebuild } from "./rebuild.ts"
import { decodeRequest } from "./requests.ts"
import type { PricingDatabase } from "./store.ts"
import { DAYS_DEFAULT, DAYS_MAX, daysBetween, readTotals, readUsage } from "./usage-read.ts"
import type { Versions } from "./versions.ts"

const DAY_MS = 86_400_000

export interface EndpointsOptions {
  readonly bus: BusHandle
  readonly database: PricingDatabase
  readonly clock: RunningClock
  readonly books: Versions<PriceBook>
  readonly catalogues: Versions<Catalogue>
  readonly rebuild: UsageRebuild
  readonly status: () => Promise<ControlAnswer>
  readonly report: Report
}

/** What a handler answers; errors of the parts behind it become `unavailable`. */
type Answer = { readonly ok: unknown } | { readonly refused: PricingRefusal }

const ok = (value: unknown): Answer => ({ ok: value })
const refused = (refusal: PricingRefusal): Answer => ({ refused: refusal })
const published = (outcome: PublishAnswer | PricingRefusal): Answer =>
  "code" in outcome ? refused(outcome) : ok(outcome)
const noBook = refused({ code: "no_price_book", detail: "no price book was in force then" })

const importPrices = async (
  books: Versions<PriceBook>,
  request: Extract<PricingRequest, { op: "import" }>,
  now: number,
): Promise<Answer> => {
  const source = await bundledBooks()
  const changes = planImport(source.books, `genai-${GENAI_VERSION}`, books.values, now)
  for (const { book } of changes) {
    const { by, reason, apply } = request
    const outcome = await books.publish({ data: book, by, reason, apply }, now)
    if ("code" in outcome) return refused({ ...outcome, detail: `${book.version}: ${outcome.detail}` })
  }
  return ok({
    published: request.apply && changes.length > 0,
    source: GENAI_SOURCE,
    books: changes.map(({ book, effectiveAt, added, removed, changed }) => ({
      version: book.version,
      effectiveAt,
      models: book.models.length,
      added,
      removed,
      changed,
    })),
    skipped: source.skipped,
  } satisfies ImportAnswer)
}

/** A quote has no convention, so only these two can happen. */
const quoteRefusal = ({ code, detail }: CallRefused): PricingRefusal =>
  code === "model_unknown" ? { code, detail, field: "model" } : { code: "invalid", detail, field: "estimate" }

const quote = (books: Versions<PriceBook>, request: Extract<PricingRequest, { op: "quote" }>, at: number): Answer => {
  const book = books.at(at)
  if (book === null) return noBook
  const most = quoteMaximum(book, request.model, request.estimate)
  if ("code" in most) return refused(quoteRefusal(most))
  const answer: QuoteAnswer = { amount: most.amount.toString(), model: most.price.id, bookVersion: book.version }
  return ok(answer)
}

const usage = async (
  database: PricingDatabase,
  request: Extract<PricingRequest, { op: "usage" }>,
  now: number,
): Promise<Answer> => {
  const to = request.to ?? now + 1
  const days = daysBetween(request.from ?? to - DAYS_DEFAULT * DAY_MS, to)
  if (days === null) {
    return refused({
      code: "invalid",
      detail: `from must lie before to, at most ${DAYS_MAX} days apart`,
      field: "from",
    })
  }
  const answer: UsageAnswer = { items: await readUsage(database, request.account, request.by, days) }
  return ok(answer)
}

const versionNotFound = (version: string | undefined): Answer =>
  refused({
    code: "version_not_found",
    detail: version === undefined ? "none is in force then" : `no version ${version}`,
  })

const handle = async (options: EndpointsOptions, request: PricingRequest): Promise<Answer> => {
  const { books, catalogues, database, rebuild } = options
  const now = options.clock.now()
  switch (request.op) {
    case "models": {
      const book = books.at(request.at ?? now)
      return book === null ? noBook : ok(modelsAnswer(book))
    }
    case "plans": {
      const catalogue = catalogues.at(request.at ?? now)
      if (catalogue === null) return refused({ code: "no_catalogue", detail: "no catalogue was in force then" })
      return ok(plansAnswer(catalogue))
    }
    case "quote":
      return quote(books, request, request.at ?? now)
    case "usage":
      return usage(database, request, now)
    case "totals":
      return ok(await readTotals(database, request.account, request.at ?? now))
    case "book-list":
      return ok(books.list(now))
    case "catalogue-list":
      return ok(catalogues.list(now))
    case "book-show":
    case "catalogue-show": {
      const shown = (request.op === "book-show" ? books : catalogues).show(request.version, request.at ?? now)
      return shown === null ? versionNotFound(request.version) : ok(shown)
    }
    case "book-publish":
      return published(await books.publish({ ...request, data: request.book }, now))
    case "catalogue-publish":
      return published(await catalogues.publish({ ...request, data: request.catalogue }, now))
    case "import":
      return importPrices(books, request, now)
    case "projection-rebuild":
      return ok(await rebuild.begin(request.apply, request.rate))
    case "projection-status":
      return ok(await rebuild.state())
  }
}

/**
 * The clock has been moved: what pricing does depends on it only through `now`, so it is ready at once (decision 16).
 */
const control = async (options: EndpointsOptions, text: string): Promise<string> => {
  const request = JSON.parse(text) as ControlRequest
  if (request.op === "clock") await followClock(options.clock, request.now)
  return JSON.stringify(await options.status())
}

export class Endpoints extends Border<PricingRequest> {
  constructor(options: EndpointsOptions) {
    const { bus, report } = options
    super({
      bus,
      name: "pricing",
      requestSubject: SUBJECTS.pricingRequest,
      controlSubject: SUBJECTS.pricingControl,
      decode: decodeRequest,
      handle: (request) => handle(options, request),
      control: (text) => control(options, text),
      report,
    })
  }
}
