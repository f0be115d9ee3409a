/**
 * Refusals of data that people write (price books, catalogues): each names the field and says what is wrong with it.
 * Owns the shape of such a refusal and the checks every data file shares. Knows nothing of prices or plans.
 */
import { parseInstant, type Instant } from "@credits/kernel"

/** `field` is a path into the data (`models[3].input`); `code` is stable, `detail` one sentence for a person. */
export interface DataInvalid {
  readonly code: string
  readonly field: string
  readonly detail: string
}

/** A check either yields the value in its form for memory or every refusal found (at most 50). */
export type Checked<A> = { readonly ok: A } | { readonly invalid: ReadonlyArray<DataInvalid> }

export const INVALID_MAX = 50

/** Collects refusals while data is read, so that one answer names all of them. */
export class Findings {
  readonly list: Array<DataInvalid> = []

  add(code: string, field: string, detail: string): void {
    if (this.list.length < INVALID_MAX) this.list.push({ code, field, detail })
  }

  /** The value as a JSON object without unknown fields, or null (with a finding). */
  record(value: unknown, known: ReadonlySet<string>, path: string): Record<string, unknown> | null {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      this.add("invalid_field", path, `${path || "the data"} must be an object`)
      return null
    }
    for (const key in value) {
      if (!known.has(key)) {
        const field = path === "" ? key : `${path}.${key}`
        this.add("unknown_field", field, `unknown field ${field}`)
      }
    }
    return value as Record<string, unknown>
  }

  array(value: unknown, lengthMax: number, path: string): ReadonlyArray<unknown> {
    if (!Array.isArray(value) || value.length > lengthMax) {
      this.add("invalid_field", path, `${path} must be a list of at most ${lengthMax} elements`)
      return []
    }
    return value
  }

  text(value: unknown, pattern: RegExp, path: string, what: string): string {
    if (typeof value === "string" && pattern.test(value)) return value
    this.add("invalid_field", path, `${path} must be ${what}`)
    return ""
  }

  flag(value: unknown, path: string): boolean {
    if (typeof value !== "boolean") this.add("invalid_field", path, `${path} must be true or false`)
    return value === true
  }

  /** A whole number from `min` to `max`. */
  count(value: unknown, min: number, max: number, path: string): number {
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value
    this.add("invalid_field", path, `${path} must be a whole number from ${min} to ${max}`)
    return min
  }

  instant(value: unknown, path: string): Instant {
    const at = typeof value === "string" ? parseInstant(value) : null
    if (at !== null) return at
    this.add("invalid_field", path, `${path} must be an instant in ISO 8601, such as 2026-01-31T00:00:00.000Z`)
    return 0
  }
}

/**
 * Versions name immutable data and are keys of the bucket they are published in. `current` is taken by the list of
 * versions there.
 */
export const VERSION = /^(?!current$)[A-Za-z0-9][A-Za-z0-9_-]{0,39}(?:\.[A-Za-z0-9_-]{1,20}){0,4}$/
export const VERSION_RULE = "1–40 letters, digits, dots, - or _, and not the word current"
