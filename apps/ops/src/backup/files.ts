/** Files of a backup: their digests, made and checked; on disk before anybody is told so. */
import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { open, stat } from "node:fs/promises"
import { join } from "node:path"
import type { BackupFile } from "@credits/contracts"

const digestOf = async (path: string): Promise<string> => {
  const hash = createHash("sha256")
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
  return hash.digest("hex")
}

/** Waits until a file, or the names in a folder, are on the disk. */
export const onDisk = async (path: string): Promise<void> => {
  const handle = await open(path, "r")
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** @param file relative to `folder` */
export const fileOf = async (folder: string, file: string): Promise<BackupFile> => {
  const path = join(folder, file)
  await onDisk(path)
  const { size } = await stat(path)
  return { file, bytes: size, sha256: await digestOf(path) }
}

/** What is wrong with a file of a backup, as a sentence; null when it is as it was written. */
export const faultOf = async (folder: string, wanted: BackupFile): Promise<string | null> => {
  const found = await fileOf(folder, wanted.file).catch(() => null)
  if (found === null) return `${wanted.file} is missing or cannot be read`
  if (found.bytes !== wanted.bytes) return `${wanted.file} has ${found.bytes} bytes, not ${wanted.bytes}`
  return found.sha256 === wanted.sha256 ? null : `${wanted.file} has another content than was written`
}
