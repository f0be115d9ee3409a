/**
 * Mails leave here: over SMTP, or outside production as `.eml` files that a developer can open. Owns what an SMTP
 * answer means; when a mail is tried again is `attempt.ts`, what it says on the wire `message.ts`.
 */
import { mkdirSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { createTransport, type SentMessageInfo, type Transporter } from "nodemailer"
import type { SendOutcome } from "./attempt.ts"
import { type Mail, messageOf } from "./message.ts"

export interface MailChannel {
  /** Never rejects. */
  readonly send: (mail: Mail) => Promise<SendOutcome>
  readonly close: () => void
}

/** A server that does not answer in this time is tried later. */
const TIMEOUT_MS = 30_000
const CONNECTIONS_MAX = 2
const DETAIL_CHARS_MAX = 300

interface SmtpError {
  readonly message: string
  readonly responseCode?: number
  readonly code?: string
}

/** A server's 5xx is its last word; everything else may be another tomorrow. */
export const smtpFailure = (error: SmtpError): SendOutcome => {
  const detail = error.message.slice(0, DETAIL_CHARS_MAX)
  const isFinal = error.responseCode !== undefined && error.responseCode >= 500 && error.code !== "EAUTH"
  return { kind: isFinal ? "refused" : "failed", detail }
}

/** @param url `smtp://` or `smtps://`, with user and password */
export const smtpChannel = (url: string, from: string): MailChannel => {
  const transport: Transporter<SentMessageInfo> = createTransport({
    url,
    pool: true,
    maxConnections: CONNECTIONS_MAX,
    // When a mail is tried again is ours to say, and to write down.
    maxRequeues: 0,
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return {
    send: async (mail) => {
      try {
        const { envelope, raw } = messageOf(mail, from)
        const { response } = (await transport.sendMail({ envelope: envelope(), raw })) as { readonly response: string }
        return { kind: "sent", detail: response.slice(0, DETAIL_CHARS_MAX) }
      } catch (error) {
        return smtpFailure(error as SmtpError)
      }
    },
    close: () => transport.close(),
  }
}

/** Without leaving the thread: into the page cache, which takes less than the four ways to another thread and back. */
const writeInto = (folder: string, name: string, message: string): void => {
  const [file, part] = [join(folder, name), join(folder, `${name}.part`)]
  const write = (): void => writeFileSync(part, message, { mode: 0o600 })
  try {
    write()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    write()
  }
  renameSync(part, file)
}

/** `<folder>/<id>.eml`, whole or not at all, with the lines of a text file; the same mail again is the same file. */
export const fileChannel = (folder: string, from: string): MailChannel => ({
  send: async (mail) => {
    try {
      const name = `${mail.id}.eml`
      writeInto(folder, name, messageOf(mail, from).raw.replaceAll("\r\n", "\n"))
      return { kind: "sent", detail: `written to ${name}` }
    } catch (error) {
      return { kind: "failed", detail: (error as Error).message.slice(0, DETAIL_CHARS_MAX) }
    }
  },
  close: () => undefined,
})
