/**
 * The published catalogues, followed from their bucket (decision 13). Owns a copy only; pricing publishes. All versions
 * are kept: work that was due while the service was away runs under the version of its own instant (R0.1).
 */
import { kvGet, kvWatch, type BucketWatch, type BusHandle } from "@credits/bus"
import { BUCKETS, CURRENT_KEY, MESSAGE_VERSION, type VersionList } from "@credits/contracts"
import { readCatalogue, type Catalogue } from "@credits/pricebook"

export type Report = (level: "info" | "warning" | "error", message: string) => void

/** Until pricing has published the first. */
const FIRST_POLL_MS = 100

export class Catalogues {
  readonly #bus: BusHandle
  readonly #report: Report
  #loaded: ReadonlyArray<Catalogue> = []
  #watch: BucketWatch | undefined
  #loading: Promise<void> = Promise.resolve()

  constructor(bus: BusHandle, report: Report) {
    this.#bus = bus
    this.#report = report
  }

  /** By effective instant. */
  get all(): ReadonlyArray<Catalogue> {
    return this.#loaded
  }

  /** Resolves when there is a catalogue: without one nothing can be decided. */
  async start(signal?: AbortSignal): Promise<void> {
    this.#watch = await kvWatch(this.#bus, BUCKETS.catalogues, CURRENT_KEY, async () => {
      try {
        await this.refresh()
      } catch (error) {
        this.#report("error", `catalogue not taken: ${String(error)}; trying again`)
        throw error
      }
    })
    await this.refresh()
    if (this.#loaded.length === 0) this.#report("info", "waiting for pricing to publish a catalogue")
    while (this.#loaded.length === 0 && signal?.aborted !== true) {
      await new Promise((resolve) => setTimeout(resolve, FIRST_POLL_MS))
      await this.refresh()
    }
  }

  /** Reads the list now, instead of when its notification arrives. One at a time. */
  refresh(): Promise<void> {
    this.#loading = this.#loading.catch(() => undefined).then(() => this.#load())
    return this.#loading
  }

  stop(): void {
    this.#watch?.stop()
  }

  /** Versions are immutable: one that is loaded is never read again. */
  async #load(): Promise<void> {
    const list = await kvGet(this.#bus, BUCKETS.catalogues, CURRENT_KEY)
    if (list === undefined) return
    const { v, versions } = JSON.parse(list.text) as VersionList
    if (v !== MESSAGE_VERSION)
      throw new Error(`the list of catalogues has version ${String(v)}, newer than this program`)
    const known = new Map(this.#loaded.map((one) => [one.version, one]))
    const loaded: Array<Catalogue> = []
    for (const { version } of versions) {
      const catalogue = known.get(version) ?? (await this.#read(version))
      if (catalogue !== null) loaded.push(catalogue)
    }
    this.#loaded = loaded.toSorted((a, b) => a.effectiveAt - b.effectiveAt)
  }

  async #read(version: string): Promise<Catalogue | null> {
    const value = await kvGet(this.#bus, BUCKETS.catalogues, version)
    if (value === undefined) return null
    const checked = readCatalogue(JSON.parse(value.text))
    if ("ok" in checked) return checked.ok
    throw new Error(`catalogue ${version}: ${checked.invalid[0]?.detail ?? "invalid"}`)
  }
}
