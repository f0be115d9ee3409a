/**
 * The receipt of a charge as a PDF of one page, with the same words as the page (receipt.ts). The library is loaded
 * with the first one asked for: most edges never make any. It stays outside the bundle: it reads its fonts by path.
 */
import type { ChargeView } from "@credits/contracts"
import { paidWith, paidAt, receiptNote } from "./receipt.ts"
import { usdOfCents } from "./subscription-view.ts"

const INK = "#1a1a18"
const SOFT = "#5f5f5a"
const LINE = "#dfdbcf"
/** Points: A4 is 595 × 842. */
const MARGIN = 64
const RIGHT = 595 - MARGIN
const VALUE_X = MARGIN + 96
const ROW = 20

/** @param charge one that succeeded */
export const receiptPdf = async (charge: ChargeView): Promise<Uint8Array> => {
  const { default: PDFDocument } = await import("pdfkit")
  const document = new PDFDocument({
    size: "A4",
    margin: MARGIN,
    lang: "en",
    info: { Title: `Receipt ${charge.chargeId}`, Author: "Open Design Credits", CreationDate: new Date(charge.at) },
  })
  const chunks: Array<Uint8Array> = []
  const done = new Promise<Uint8Array>((resolve, reject) => {
    document.on("data", (chunk: Uint8Array) => chunks.push(chunk))
    document.on("end", () => resolve(Buffer.concat(chunks)))
    document.on("error", reject)
  })
  const amount = `${usdOfCents(charge.amountCents)} USD`
  document.font("Helvetica-Bold").fontSize(22).fillColor(INK).text("Receipt", MARGIN, MARGIN)
  document.font("Helvetica").fontSize(9).fillColor(SOFT).text(charge.chargeId)
  let y = 140
  const rows: ReadonlyArray<readonly [string, string]> = [
    ["From", "Open Design Credits"],
    ["Account", charge.account],
    ["Paid", paidAt(charge)],
    ["Paid with", paidWith(charge)],
  ]
  for (const [label, value] of rows) {
    document.fontSize(11).fillColor(SOFT).text(label, MARGIN, y)
    document.fillColor(INK).text(value, VALUE_X, y, { width: RIGHT - VALUE_X })
    y += ROW
  }
  const line = (at: number) => document.moveTo(MARGIN, at).lineTo(RIGHT, at).strokeColor(LINE).stroke()
  const priced = (label: string, font: string) => {
    line(y)
    document.font(font).fontSize(11).fillColor(INK)
    document.text(label, MARGIN, y + 8, { width: 330 })
    document.text(amount, MARGIN, y + 8, { width: RIGHT - MARGIN, align: "right" })
    y += ROW + 14
  }
  y += ROW
  priced(charge.description, "Helvetica")
  priced("Total paid", "Helvetica-Bold")
  line(y)
  const note = receiptNote(charge)
  if (note !== null)
    document
      .font("Helvetica")
      .fillColor(INK)
      .text(note, MARGIN, y + ROW)
  document.end()
  return done
}
