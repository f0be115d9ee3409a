/**
 * A mail as it is sent: text and HTML of the same words (RFC 5322, 2045, 2046), written in one go. The same mail is
 * the same message, byte for byte. Pure. The parts are nodemailer's own; its composer puts them together through ten
 * streams, which takes three times as long.
 */
import MimeNode from "nodemailer/lib/mime-node"
import { encode, wrap } from "nodemailer/lib/qp"

export interface Mail {
  /** The notification's id: the same for every attempt. */
  readonly id: string
  readonly to: { readonly name: string; readonly address: string }
  readonly subject: string
  readonly text: string
  readonly html: string
  readonly at: number
}

export interface Message {
  /** Whom a server is told it is from and for. */
  readonly envelope: () => { readonly from: string | false; readonly to: Array<string> }
  /** Lines end in CRLF. */
  readonly raw: string
}

const EOL = "\r\n"
const LINE_CHARS = 76

const domainOf = (from: string): string => /@([\w.-]+)/.exec(from)?.[1] ?? "localhost.localdomain"

const partOf = (type: "plain" | "html", content: string): string => {
  const lines = content.replaceAll(/\r?\n/g, EOL)
  const head = `Content-Type: text/${type}; charset=utf-8${EOL}Content-Transfer-Encoding: quoted-printable`
  return `${head}${EOL}${EOL}${wrap(encode(lines), LINE_CHARS)}`
}

/** @param from name and address of the sender */
export const messageOf = (mail: Mail, from: string): Message => {
  // "=_" begins no line of quoted-printable text (RFC 2045, 6.7).
  const boundary = `=_${mail.id}`
  const head = new MimeNode(`multipart/alternative; boundary="${boundary}"`, { baseBoundary: mail.id })
  head.setHeader([
    { key: "From", value: from },
    { key: "To", value: mail.to },
    { key: "Subject", value: mail.subject },
    { key: "Message-ID", value: `<${mail.id}@${domainOf(from)}>` },
    { key: "Date", value: new Date(mail.at) },
    // What is told automatically wants no answer from another machine.
    { key: "Auto-Submitted", value: "auto-generated" },
    { key: "X-Auto-Response-Suppress", value: "All" },
  ])
  const parts = [partOf("plain", mail.text), partOf("html", mail.html)]
  const body = parts.map((part) => `--${boundary}${EOL}${part}${EOL}`).join("")
  const raw = `${head.buildHeaders()}${EOL}${EOL}${body}--${boundary}--${EOL}`
  return { envelope: () => head.getEnvelope(), raw }
}
