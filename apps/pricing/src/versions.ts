/**
 * Published versions of one kind of data (price books, catalogues): immutable rows, each with an effective instant
 * (R0.1, R7.1), in memory in their order, and pushed to a bucket for whoever quotes (decision 13).
 * Owns publication; what a version says and whether it is valid is packages/pricebook.
 */
import { kvGet, kvPut, type BusHandle } from "@credits/bus"
import {
  CURRENT_KEY,
  type PricingRefusal,
  type PublishAnswer,
  type VersionList,
  type VersionsAnswer,
  type VersionShown,
} from "@credits/contracts"
import { formatInstant, type Instant } from "@credits/kernel"
import { versionAt, type Checked } from "@credits/pricebook"
import type { Report } from "./intake.ts"
import type { PricingDatabase } from "./store.ts"

/** A version must fit one bus message and one bucket value with room to spare. */
const DATA_BYTES_MAX = 900 * 1024
const RETRY_MS = 1_000

interface Versioned {
  readonly version: string
  readonly effectiveAt: Instant
}

export interface VersionsOptions<A extends Versioned> {
  readonly kind: "book" | "catalogue"
  readonly bucket: string
  readonly read: (data: unknown) => Checked<A>
  /** What stands against a version's instant at publication (`correction.ts`); `inForce`: what has held then so far. */
  readonly refuseInstant: (value: A, now: Instant, inForce: A | null) => PricingRefusal | null
  readonly bus: BusHandle
  readonly database: PricingDatabase
  readonly report: Report
}

interface Published<A> extends VersionShown {
  readonly value: A
  readonly text: string
}

export interface Publication {
  readonly data: unknown
  readonly by: string
  readonly reason: string
  readonly apply: boolean
}

const refuse = (code: PricingRefusal["code"], detail: string, field?: string): PricingRefusal =>
  field === undefined ? { code, detail } : { code, detail, field }

/** `effectiveAt: "now"` becomes the instant of publication. */
const withInstant = (data: unknown, now: Instant): unknown =>
  typeof data === "object" && data !== null && (data as { effectiveAt?: unknown }).effectiveAt === "now"
    ? { ...data, effectiveAt: formatInstant(now) }
    : data

export class Versions<A extends Versioned> {
  readonly #options: VersionsOptions<A>
  #published: ReadonlyArray<Published<A>> = []
  #values: ReadonlyArray<A> = []
  #retry: NodeJS.Timeout | undefined
  #isStopped = false
  #pushing: Promise<void> = Promise.resolve()
  #turn: Promise<unknown> = Promise.resolve()
  /** Something may be published that memory does not know. */
  #isBehind = false
  /** Everything published is in the bucket. */
  isPushed = false
  /** It was at least once since the start: whoever quotes finds books. */
  wasPushed = false

  constructor(options: VersionsOptions<A>) {
    this.#options = options
  }

  /** Ordered by effective instant, then by publication. */
  get values(): ReadonlyArray<A> {
    return this.#values
  }

  at(instant: Instant): A | null {
    return versionAt(this.#values, instant)
  }

  /** A version with its data, or the one in force. */
  show(version: string | undefined, at: Instant): (VersionShown & { readonly data: unknown }) | null {
    const wanted = version ?? this.at(at)?.version
    const found = this.#published.find((one) => one.version === wanted)
    if (found === undefined) return null
    const { value: _value, text, ...shown } = found
    return { ...shown, data: JSON.parse(text) as unknown }
  }

  list(now: Instant): VersionsAnswer {
    const items = this.#published.map(({ value: _value, text: _text, ...shown }) => shown)
    return { current: this.at(now)?.version ?? null, items }
  }

  /** Loads what is published; the first start ever publishes the seeds. @throws Error naming what is wrong in a seed */
  async open(seeds: ReadonlyArray<unknown>, seededFrom: string, now: Instant): Promise<void> {
    await this.#load()
    if (this.#published.length === 0) {
      // All are checked before the first is kept: a start that fails leaves no half of a file behind.
      const checked = seeds.map((data) => this.#checkSeed(withInstant(data, now), seededFrom))
      for (const one of checked) await this.#insert(one, now, "pricing", `seed: ${seededFrom}`)
      await this.#load()
    }
    this.#push()
  }

  /**
   * Checks a version and, when asked, publishes it: it can never be changed afterwards (R0.1). One at a time: each is
   * checked against all before it, and what is read after it is everything there is.
   */
  publish(publication: Publication, now: Instant): Promise<PublishAnswer | PricingRefusal> {
    return this.#inTurn(() => this.#publish(publication, now))
  }

  #inTurn<B>(work: () => Promise<B>): Promise<B> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => undefined)
    return done
  }

  async #publish(publication: Publication, now: Instant): Promise<PublishAnswer | PricingRefusal> {
    const data = withInstant(publication.data, now)
    const checked = this.#options.read(data)
    if ("invalid" in checked) {
      const first = checked.invalid[0]!
      return { ...refuse("invalid", first.detail, first.field), invalid: checked.invalid }
    }
    const { version, effectiveAt } = checked.ok
    if (Buffer.byteLength(JSON.stringify(data)) > DATA_BYTES_MAX) {
      return refuse("too_large", `a version has at most ${DATA_BYTES_MAX} bytes of JSON`)
    }
    if (this.#published.some((one) => one.version === version)) {
      return refuse("version_exists", `version ${version} is published and immutable`, "version")
    }
    const refusal = this.#options.refuseInstant(checked.ok, now, this.at(effectiveAt))
    if (refusal !== null) return refusal
    if (!publication.apply) return { version, effectiveAt, published: false }
    const isNew = await this.#keep({ value: checked.ok, data }, now, publication)
    if (!isNew) return refuse("version_exists", `version ${version} is published and immutable`, "version")
    return { version, effectiveAt, published: true }
  }

  /** Whatever becomes of it, what the database has is in memory and in the bucket afterwards, or soon. */
  async #keep(one: { value: A; data: unknown }, now: Instant, { by, reason }: Publication): Promise<boolean> {
    this.#isBehind = true
    try {
      return await this.#insert(one, now, by, reason)
    } finally {
      // Also of one that is not new: whoever published it may have ended before it was pushed.
      await this.#catchUp().finally(() => this.#push())
    }
  }

  async #catchUp(): Promise<void> {
    if (!this.#isBehind) return
    await this.#load()
    this.#isBehind = false
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#retry)
    await this.#pushing
  }

  #checkSeed(data: unknown, seededFrom: string): { value: A; data: unknown } {
    const checked = this.#options.read(data)
    if ("ok" in checked) return { value: checked.ok, data }
    const all = checked.invalid.map((one) => `${one.field || "data"}: ${one.detail}`)
    throw new Error(`${seededFrom} holds no valid ${this.#options.kind}: ${all.join("; ")}`)
  }

  async #insert(one: { value: A; data: unknown }, now: Instant, by: string, reason: string): Promise<boolean> {
    const { database, kind } = this.#options
    return database.kysely.transaction().execute(async (db) => {
      const last = await db
        .selectFrom("version")
        .select("ordinal")
        .where("kind", "=", kind)
        .orderBy("ordinal", "desc")
        .limit(1)
        .executeTakeFirst()
      const inserted = await db
        .insertInto("version")
        .values({
          kind,
          version: one.value.version,
          ordinal: (last?.ordinal ?? 0) + 1,
          effective_at: BigInt(one.value.effectiveAt),
          published_at: BigInt(now),
          published_by: by,
          reason,
          data: JSON.stringify(one.data),
        })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      return (inserted.numInsertedOrUpdatedRows ?? 0n) > 0n
    })
  }

  async #load(): Promise<void> {
    const { database, kind, read } = this.#options
    const rows = await database.kysely
      .selectFrom("version")
      .selectAll()
      .where("kind", "=", kind)
      .orderBy("effective_at")
      .orderBy("ordinal")
      .execute()
    this.#published = rows.map((row) => {
      const checked = read(JSON.parse(row.data))
      if ("invalid" in checked)
        throw new Error(`stored ${kind} ${row.version} is invalid: ${checked.invalid[0]!.detail}`)
      return {
        version: row.version,
        effectiveAt: Number(row.effective_at),
        publishedAt: Number(row.published_at),
        by: row.published_by,
        reason: row.reason,
        value: checked.ok,
        text: row.data,
      }
    })
    this.#values = this.#published.map((one) => one.value)
  }

  /** Brings the bucket to what is published, again and again until it is. */
  #push(): void {
    this.isPushed = false
    this.#pushing = this.#pushing.then(() => this.#pushNow())
  }

  async #pushNow(): Promise<void> {
    if (this.#isStopped) return
    const { bus, bucket, report } = this.#options
    try {
      await this.#inTurn(() => this.#catchUp())
      for (const { version, text } of this.#published) {
        if ((await kvGet(bus, bucket, version))?.text !== text) await kvPut(bus, bucket, version, text)
      }
      const versions = this.#published.map(({ version, effectiveAt }) => ({ version, effectiveAt }))
      const list = JSON.stringify({ v: 1, versions } satisfies VersionList)
      // Last: whoever sees a version in the list finds it.
      if ((await kvGet(bus, bucket, CURRENT_KEY))?.text !== list) await kvPut(bus, bucket, CURRENT_KEY, list)
      this.isPushed = true
      this.wasPushed = true
    } catch (error) {
      report("warning", `pushing ${bucket}: ${error instanceof Error ? error.message : String(error)}; trying again`)
      this.#retry = setTimeout(() => this.#push(), RETRY_MS)
    }
  }
}
