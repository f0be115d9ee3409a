/** Load job: gives accounts a plan and enough money, one group command each, as quickly as the ledger answers. */
import { askOwner, closeBus, connectBus } from "@credits/bus"
import { SUBJECTS } from "@credits/contracts"
import { partitionOf } from "@credits/kernel"
import { accountNumber } from "@credits/testkit"
import type { FundJob, FundResult, Prepared } from "./job.ts"

const CALLERS = 512
/** 500,000 USD: below the limit of one amount, above what any load spends on one account. */
const AMOUNT = "500000000000000"

export const prepareFund = async (job: FundJob): Promise<Prepared<FundResult>> => {
  const bus = await connectBus({ servers: job.servers, name: job.name, firstConnectMs: 5_000 })
  const fund = async (number: number): Promise<string> => {
    const account = accountNumber(number)
    const request = {
      op: "group",
      id: `bench-fund-${number}`,
      account,
      commands: [
        {
          op: "entitle",
          id: `bench-entitle-${number}`,
          account,
          plan: "max",
          hostedModels: true,
          from: job.entitledFrom,
          reason: "bench",
        },
        { op: "grant", id: `bench-grant-${number}`, account, kind: "topup", amount: AMOUNT, cause: "bench" },
      ],
    }
    const subject = SUBJECTS.ledgerRequest(partitionOf(account))
    return askOwner(bus.connection, subject, JSON.stringify(request), { deadlineMs: 30_000, silenceMs: 5_000 })
  }
  return {
    run: async () => {
      const start = performance.now()
      const refused: Array<string> = []
      let next = job.from
      const caller = async (): Promise<void> => {
        while (next < job.to) {
          const answer = await fund(next++)
          if (!answer.startsWith('{"ok"')) refused.push(answer)
        }
      }
      await Promise.all(Array.from({ length: CALLERS }, caller))
      return {
        accounts: job.to - job.from,
        seconds: (performance.now() - start) / 1000,
        refused: refused.slice(0, 5),
      }
    },
    close: () => closeBus(bus),
  }
}
