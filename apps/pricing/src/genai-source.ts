/**
 * The price data that comes with the `@pydantic/genai-prices` package: the bundled source of an import.
 * The package is 0.8 MB of code, so it is loaded only when an import is asked for.
 */
import { GENAI_PROVIDERS, importBooks, type GenaiProvider, type Skipped } from "./import-genai.ts"
import type { PriceBookData } from "@credits/pricebook"

/** The version pinned in the workspace catalog (a test compares it with the installed one). */
export const GENAI_VERSION = "0.1.8"
export const GENAI_SOURCE = `@pydantic/genai-prices ${GENAI_VERSION}`

export const bundledProviders = async (): Promise<ReadonlyArray<GenaiProvider>> => {
  const { findProvider } = await import("@pydantic/genai-prices")
  return GENAI_PROVIDERS.flatMap((providerId) => (findProvider({ providerId }) as GenaiProvider | undefined) ?? [])
}

/** Every book of the bundled data, ordered by effective instant. */
export const bundledBooks = async (): Promise<{
  readonly books: ReadonlyArray<PriceBookData>
  readonly skipped: ReadonlyArray<Skipped>
}> => importBooks(await bundledProviders(), `genai-${GENAI_VERSION}`, GENAI_SOURCE)
