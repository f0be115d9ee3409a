/**
 * The data shipped with the project: the default catalogue (R0) and the default price books, which
 * `apps/pricing/src/import-genai.ts` makes from the `@pydantic/genai-prices` data.
 * Seeds of a fresh system only; a running one reads what was published.
 */
import catalogueData from "../data/catalogue.json" with { type: "json" }
import priceBooksData from "../data/price-books.json" with { type: "json" }
import { readPriceBook, type PriceBook, type PriceBookData } from "./book.ts"
import { readCatalogue, type Catalogue, type CatalogueData } from "./catalogue.ts"
import type { Checked } from "./invalid.ts"

const shipped = <A>(checked: Checked<A>): A => {
  if ("ok" in checked) return checked.ok
  throw new Error(`shipped data is invalid: ${checked.invalid.map((one) => `${one.field} ${one.detail}`).join("; ")}`)
}

export const defaultCatalogueData: CatalogueData = catalogueData
export const defaultCatalogue = (): Catalogue => shipped(readCatalogue(catalogueData))

export const defaultPriceBooksData: ReadonlyArray<PriceBookData> = priceBooksData as ReadonlyArray<PriceBookData>
/** By effective instant, the first from 2000: any usage that is accepted has a book. */
export const defaultPriceBooks = (): ReadonlyArray<PriceBook> =>
  defaultPriceBooksData.map((data) => shipped(readPriceBook(data)))
