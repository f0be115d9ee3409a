/** The plans side by side: prices from the catalogue, what a plan allows from the product's rules. */
import type { Plan } from "@credits/contracts/http"
import type { ReactNode } from "react"
import { headline, nanoOf } from "../../format/money.ts"

interface Row {
  readonly label: string
  readonly cell: (plan: Plan) => ReactNode
}

const NONE = (
  <>
    <span aria-hidden>–</span>
    <span className="sr-only">none</span>
  </>
)
const allows = (isAllowed: boolean) => (isAllowed ? "Yes" : "No")

const ROWS: ReadonlyArray<Row> = [
  {
    label: "First month, once per account",
    cell: ({ monthly }) =>
      monthly === null || monthly.firstMonthUsd === monthly.renewalUsd ? NONE : headline(monthly.firstMonthUsd),
  },
  { label: "Monthly renewal", cell: ({ monthly }) => (monthly === null ? NONE : headline(monthly.renewalUsd)) },
  { label: "Yearly, charged once", cell: ({ yearly }) => (yearly === null ? NONE : headline(yearly.totalUsd)) },
  {
    label: "Yearly, per month",
    cell: ({ yearly }) => (yearly === null ? NONE : headline(yearly.monthlyEquivalentUsd)),
  },
  {
    label: "Credits every month",
    cell: ({ creditsPerCycleUsd }) => (nanoOf(creditsPerCycleUsd) === 0n ? NONE : headline(creditsPerCycleUsd)),
  },
  { label: "Hosted models", cell: ({ hostedModels }) => allows(hostedModels) },
  { label: "Auto top-up, off until you turn it on", cell: ({ hostedModels }) => allows(hostedModels) },
  { label: "Top-up credits", cell: ({ hostedModels }) => (hostedModels ? "Usable" : "Kept, frozen") },
  { label: "Local tools", cell: () => "Yes" },
  { label: "Your own provider keys (BYOK)", cell: () => "Yes, never charged" },
]

export const Comparison = ({ plans }: { readonly plans: ReadonlyArray<Plan> }) => (
  <section aria-labelledby="comparison" className="grid gap-5">
    <h2 id="comparison" className="font-display text-3xl">
      Side by side
    </h2>
    <div
      role="region"
      aria-labelledby="comparison"
      // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a wide table is scrolled by keyboard too
      tabIndex={0}
      className="overflow-x-auto rounded-card border border-line"
    >
      <table className="w-full min-w-3xl border-collapse bg-surface text-sm">
        <thead>
          <tr className="border-b border-line">
            <th scope="col" className="p-4 text-left font-normal text-soft">
              <span className="sr-only">What</span>
            </th>
            {plans.map((plan) => (
              <th key={plan.id} scope="col" className="p-4 text-left font-display text-lg font-normal">
                {plan.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {ROWS.map((row) => (
            <tr key={row.label} className="border-b border-line last:border-0">
              <th scope="row" className="min-w-44 p-4 text-left font-normal text-soft">
                {row.label}
              </th>
              {plans.map((plan) => (
                <td key={plan.id} className="p-4 whitespace-nowrap tabular-nums">
                  {row.cell(plan)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  </section>
)
