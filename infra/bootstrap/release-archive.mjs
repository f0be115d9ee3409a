/**
 * nats-server from its official release on GitHub, checked against the checksum file of the same release. Fails within
 * seconds on a machine that cannot reach GitHub, because another way follows.
 */
import { createHash } from "node:crypto"
import { mkdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { withMachineCertificates } from "./certificates.mjs"
import { run } from "./command.mjs"
import { placeProgram } from "./program.mjs"

/** The release the project is tested with. */
const RELEASE = "2.15.1"

const RELEASES = "https://github.com/nats-io/nats-server/releases/download"

/** The checksum file is 2 KB: who does not deliver it in this time will not deliver 7 MB either. */
const CHECKSUMS_TIMEOUT_MS = 8_000
const ARCHIVE_TIMEOUT_MS = 120_000

const ARCHITECTURES = /** @type {Record<string, string>} */ ({ x64: "amd64", arm64: "arm64" })

/**
 * @param {string} platform of Node: "linux", "darwin"
 * @param {string} arch of Node: "x64", "arm64"
 * @returns {string} file name in the release, without its ending
 */
export const archiveName = (platform, arch) => {
  const architecture = ARCHITECTURES[arch]
  if (architecture === undefined || (platform !== "linux" && platform !== "darwin")) {
    throw new Error(`no release is built for ${platform}-${arch}`)
  }
  return `nats-server-v${RELEASE}-${platform}-${architecture}`
}

/**
 * @param {string} checksums lines of "<sha256>  <file>"
 * @param {string} file
 * @returns {string} lower-case hex
 */
export const checksumOf = (checksums, file) => {
  for (const line of checksums.split("\n")) {
    const [sum, name] = line.trim().split(/\s+\*?/)
    if (name === file && sum !== undefined && /^[0-9a-f]{64}$/i.test(sum)) return sum.toLowerCase()
  }
  throw new Error(`the release's SHA256SUMS does not list ${file}`)
}

/**
 * @param {string} node
 * @param {string} folder where the program is left
 * @param {string} [releases] address of the releases, another one in tests
 * @returns {import("./nats-server.mjs").Way}
 */
export const fromReleaseArchive = (node, folder, releases = RELEASES) => ({
  name: `the release archive ${RELEASE}`,
  find: async () => {
    const name = archiveName(process.platform, process.arch)
    const release = `${releases}/v${RELEASE}`
    const work = join(folder, "download")
    mkdirSync(work, { recursive: true })
    try {
      const checksums = join(work, "SHA256SUMS")
      await download(node, `${release}/SHA256SUMS`, checksums, CHECKSUMS_TIMEOUT_MS)
      const expected = checksumOf(readFileSync(checksums, "utf8"), `${name}.tar.gz`)
      const archive = join(work, `${name}.tar.gz`)
      await download(node, `${release}/${name}.tar.gz`, archive, ARCHIVE_TIMEOUT_MS)
      const actual = createHash("sha256").update(readFileSync(archive)).digest("hex")
      if (actual !== expected) throw new Error(`the archive's SHA-256 is ${actual}, the release says ${expected}`)
      await run("tar", ["-xzf", archive, "-C", work], { timeoutMs: 60_000 })
      return placeProgram(join(work, name, "nats-server"), folder)
    } finally {
      rmSync(work, { recursive: true, force: true })
    }
  },
})

/**
 * In a process of its own: certificates and proxy are read from the environment only when node starts.
 * @param {string} node
 * @param {string} url
 * @param {string} file
 * @param {number} timeoutMs
 */
const download = (node, url, file, timeoutMs) =>
  run(node, [fileURLToPath(new URL("download.mjs", import.meta.url)), url, file], {
    env: withMachineCertificates(process.env),
    timeoutMs,
  })
