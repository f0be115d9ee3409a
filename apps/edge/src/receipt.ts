/**
 * The receipt of a charge as one self-contained page to read and to print. Pure: a charge in, HTML out; every text in
 * it is escaped, nothing is loaded from anywhere.
 */
import type { ChargeView } from "@credits/contracts"
import { formatInstant } from "@credits/kernel"
import { usdOfCents } from "./subscription-view.ts"

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
}
const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (char) => ENTITIES[char]!)

/** Nothing but the page's own style may act on it. */
export const RECEIPT_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const STYLE = `
  :root { color-scheme: light; }
  * { box-sizing: border-box; }
  body { margin: 0; padding: 3rem 1rem; background: #f4f4f2; color: #1a1a18;
    font: 1rem/1.5 ui-sans-serif, system-ui, sans-serif; }
  main { max-width: 38rem; margin: 0 auto; padding: 2.5rem; background: #fff; border: 1px solid #e2e2de; }
  h1 { margin: 0 0 .25rem; font-size: 1.5rem; font-weight: 600; }
  .number { margin: 0 0 2rem; color: #5f5f5a; font-size: .875rem; overflow-wrap: anywhere; }
  dl { display: grid; grid-template-columns: 8rem 1fr; gap: .5rem 1rem; margin: 0 0 2rem; }
  dt { color: #5f5f5a; }
  dd { margin: 0; overflow-wrap: anywhere; }
  table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
  th, td { padding: .6rem 0; border-top: 1px solid #e2e2de; text-align: left; vertical-align: top; }
  th { font-weight: 600; }
  .amount { padding-left: 1rem; text-align: right; white-space: nowrap; }
  .note { margin: 2rem 0 0; padding: .75rem 1rem; border-left: 3px solid #1a1a18; background: #f4f4f2; }
  @media print { body { padding: 0; background: #fff; } main { max-width: none; padding: 0; border: 0; } }
`

const row = (label: string, value: string): string => `<dt>${label}</dt><dd>${escaped(value)}</dd>`

/** "visa" → "Visa". */
const brandName = (brand: string): string => brand.charAt(0).toUpperCase() + brand.slice(1)

/** What happened to it since, or null. */
export const receiptNote = (charge: ChargeView): string | null => {
  if (charge.refunded) return "This charge was refunded."
  return charge.disputed ? "This charge is disputed with its bank." : null
}

/** "2026-11-26 14:05 UTC" */
export const paidAt = (charge: ChargeView): string =>
  `${formatInstant(charge.decidedAt ?? charge.at)
    .slice(0, 16)
    .replace("T", " ")} UTC`

/** "Visa ending in 4242" */
export const paidWith = ({ method }: ChargeView): string =>
  method === null ? "card" : `${brandName(method.brand)} ending in ${method.last4}`

/** @param charge one that succeeded */
export const receiptPage = (charge: ChargeView): string => {
  const amount = `${usdOfCents(charge.amountCents)} USD`
  const note = receiptNote(charge)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Receipt ${escaped(charge.chargeId)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Receipt</h1>
<p class="number">${escaped(charge.chargeId)}</p>
<dl>
${[
  row("From", "Open Design Credits"),
  row("Account", charge.account),
  row("Paid", paidAt(charge)),
  row("Paid with", paidWith(charge)),
].join("\n")}
</dl>
<table>
<thead><tr><th scope="col">Description</th><th scope="col" class="amount">Amount</th></tr></thead>
<tbody><tr><td>${escaped(charge.description)}</td><td class="amount">${amount}</td></tr></tbody>
<tfoot><tr><th scope="row">Total paid</th><td class="amount"><strong>${amount}</strong></td></tr></tfoot>
</table>
${note === null ? "" : `<p class="note">${note}</p>`}
</main>
</body>
</html>
`
}
