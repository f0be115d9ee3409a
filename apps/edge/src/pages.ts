/**
 * The web pages (apps/web), read into memory at the start: their files are small and few. Owns compression, caching and
 * which addresses are pages; what is on them is apps/web's. Without a build of the pages the API serves alone.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { createHash } from "node:crypto"
import { extname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { brotliCompressSync } from "node:zlib"
import { Effect } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"

/** The same place from the bundle (dist/main.js) and from the source (src/pages.ts). */
const PAGES_DIR = fileURLToPath(new URL("../../web/dist/", import.meta.url))

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
}

/** Addresses that the pages' own router knows (apps/web/src/routes.tsx). */
const PAGES = ["/", "/pricing", "/wallet", "/notifications", "/keys", "/sign-in"] as const

interface File {
  readonly bytes: Uint8Array
  readonly brotli: Uint8Array
  readonly type: string
  readonly etag: string
  readonly cacheControl: string
}

const readFile = (path: string): File => {
  const bytes = readFileSync(join(PAGES_DIR, path))
  return {
    bytes,
    brotli: brotliCompressSync(bytes),
    type: TYPES[extname(path)] ?? "application/octet-stream",
    etag: `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`,
    // Files under assets/ have their hash in their name; the others are asked for again each time.
    cacheControl: path.startsWith("assets/") ? "public, max-age=31536000, immutable" : "no-cache",
  }
}

/** RFC 9110: by name or by `*`, unless its weight is zero. */
export const takesBrotli = (accepts: string | undefined): boolean => {
  const weights = new Map<string, number>()
  for (const each of (accepts ?? "").toLowerCase().split(",")) {
    const [name, ...parameters] = each.split(";").map((part) => part.trim())
    const weight = parameters.find((parameter) => parameter.startsWith("q="))
    weights.set(name!, weight === undefined ? 1 : Number(weight.slice(2)))
  }
  return (weights.get("br") ?? weights.get("*") ?? 0) > 0
}

const respond = (file: File, request: HttpServerRequest.HttpServerRequest): HttpServerResponse.HttpServerResponse => {
  const headers = { "cache-control": file.cacheControl, etag: file.etag, vary: "accept-encoding" }
  if (request.headers["if-none-match"] === file.etag) {
    // Its headers replace those that the browser kept: with its type it has the policy of a page, as the page had.
    return HttpServerResponse.empty({ status: 304, headers: { ...headers, "content-type": file.type } })
  }
  const isBrotli = takesBrotli(request.headers["accept-encoding"])
  return HttpServerResponse.uint8Array(isBrotli ? file.brotli : file.bytes, {
    contentType: file.type,
    headers: isBrotli ? { ...headers, "content-encoding": "br" } : headers,
  })
}

export const pagesLayer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    if (!existsSync(join(PAGES_DIR, "index.html"))) {
      yield* Effect.logWarning("the web pages are not built (npm run build): the API is served without them")
      return
    }
    const add = (path: `/${string}`, file: File) =>
      router.add(
        "GET",
        path,
        Effect.map(HttpServerRequest.HttpServerRequest, (request) => respond(file, request)),
      )
    const paths = readdirSync(PAGES_DIR, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(PAGES_DIR.length))
    for (const path of paths) yield* add(`/${path}`, readFile(path))
    const index = readFile("index.html")
    for (const page of PAGES) yield* add(page, index)
  }),
)
