/** `node download.mjs URL FILE`: fetches one file, following redirects. Prints one line and fails when it cannot. */
import { createWriteStream } from "node:fs"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { reasonOf } from "./progress.mjs"

const [url = "", file = ""] = process.argv.slice(2)
try {
  const answer = await fetch(url)
  if (!answer.ok || answer.body === null) throw new Error(`${answer.status} ${answer.statusText}`)
  await pipeline(Readable.fromWeb(/** @type {any} */ (answer.body)), createWriteStream(file))
} catch (error) {
  const cause = error instanceof Error && error.cause !== undefined ? ` (${reasonOf(error.cause)})` : ""
  process.stderr.write(`${url}: ${reasonOf(error)}${cause}\n`)
  process.exitCode = 1
}
