/** For tests: the catalogue of the project as the API shows it, and subscriptions of it. */
import type { Plan, Subscription } from "@credits/contracts/http"
import type { Interval } from "../../format/plan.ts"

const plan = (id: string, rank: number, prices: readonly [string, string, string, string], credits: string): Plan => ({
  id,
  name: id,
  rank,
  hostedModels: true,
  monthly: { firstMonthUsd: prices[0], renewalUsd: prices[1] },
  yearly: { totalUsd: prices[2], monthlyEquivalentUsd: prices[3] },
  creditsPerCycleUsd: credits,
  features: [],
})

export const PLANS: ReadonlyArray<Plan> = [
  { ...plan("free", 0, ["", "", "", ""], "0.00"), hostedModels: false, monthly: null, yearly: null },
  plan("plus", 1, ["16.00", "20.00", "168.00", "14.00"], "20.00"),
  plan("pro", 2, ["70.00", "100.00", "720.00", "60.00"], "120.00"),
  plan("max", 3, ["120.00", "200.00", "1176.00", "98.00"], "300.00"),
]

export const FREE: Subscription = {
  plan: "free",
  interval: null,
  status: "free",
  complimentary: false,
  currentPeriodStart: null,
  currentPeriodEnd: null,
  cycleStart: null,
  cycleEnd: null,
  cancelAtPeriodEnd: false,
  renewal: null,
  pendingChange: null,
  pendingPayment: null,
  pastDue: null,
  firstMonthOfferEligible: true,
  upgrade: null,
  asOf: "2027-01-10T00:00:00.000Z",
}

export const subscribed = (id: string, interval: Interval | null, over: Partial<Subscription> = {}): Subscription => ({
  ...FREE,
  plan: id,
  interval,
  status: "active",
  currentPeriodStart: "2027-01-01T00:00:00.000Z",
  currentPeriodEnd: "2027-02-01T00:00:00.000Z",
  renewal: { at: "2027-02-01T00:00:00.000Z", amountUsd: "100.00" },
  firstMonthOfferEligible: false,
  ...over,
})
