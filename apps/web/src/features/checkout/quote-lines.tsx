/** The server's quote, line by line: what is charged, what credit comes, what is charged next (R4.4). */
import type { Quote } from "@credits/contracts/http"
import type { ReactNode } from "react"
import { headline, nanoOf, precise, signed } from "../../format/money.ts"
import { Instant } from "../../ui/instant.tsx"

const Line = ({ label, children }: { readonly label: ReactNode; readonly children: ReactNode }) => (
  <div className="flex items-baseline justify-between gap-6">
    <dt className="text-soft">{label}</dt>
    <dd className="whitespace-nowrap tabular-nums">{children}</dd>
  </div>
)

const isSome = (usd: string): boolean => nanoOf(usd) !== 0n

const Credits = ({ quote }: { readonly quote: Quote }) => (
  <section aria-label="Credits" className="grid gap-1.5 border-t border-line pt-4">
    <dl className="grid gap-1.5">
      <Line label="New credits">{signed(quote.newGrantUsd)}</Line>
      {isSome(quote.revokedUsd) ? (
        <Line label="Taken back with the unused time">{signed(`-${quote.revokedUsd}`)}</Line>
      ) : null}
      {isSome(quote.alreadyUsedUsd) ? (
        <Line label="Already used beyond the time you keep">{signed(`-${quote.alreadyUsedUsd}`)}</Line>
      ) : null}
      <Line label={<span className="font-medium text-ink">Credits available after</span>}>
        <span className="font-medium">{precise(quote.availableAfterUsd)}</span>
      </Line>
    </dl>
  </section>
)

export const QuoteLines = ({ quote }: { readonly quote: Quote }) => (
  <div className="grid gap-4 text-sm">
    <section aria-label="What is charged today" className="grid gap-3">
      <dl className="grid gap-1.5">
        {quote.lines.map((line) => (
          <Line key={line.label} label={line.label}>
            {precise(line.amountUsd)}
          </Line>
        ))}
      </dl>
      <p className="flex items-baseline justify-between gap-6 border-t border-line pt-3">
        <span className="text-base font-semibold">Due today</span>
        <span className="font-display text-4xl leading-none tabular-nums">{headline(quote.dueTodayUsd)}</span>
      </p>
    </section>
    <Credits quote={quote} />
    <section aria-label="What is charged next" className="border-t border-line pt-4">
      <dl>
        <Line
          label={
            <>
              Next charge, <Instant at={quote.nextChargeAt} />
            </>
          }
        >
          {headline(quote.nextChargeUsd)}
        </Line>
      </dl>
    </section>
    {quote.notes.length === 0 ? null : (
      <ul className="grid list-disc gap-1 pl-4 text-soft marker:text-strong">
        {quote.notes.map((note) => (
          <li key={note}>{note}</li>
        ))}
      </ul>
    )}
  </div>
)
