import { defineConfig } from "vitest/config"

/**
 * Four groups, one after the other. *Parts*: tests beside the code, in as many files at once as there are cores.
 * *Whole*: the story of a user or an operator on a whole system, and what kills its services; both wait for facts more
 * than they work, so two files at once. *System*: what is timed to the second, leases and load, one file at a time,
 * because each of them wants the machine for itself. *Browser*: pages on whole systems; a browser waits more than it
 * works, so two files at once.
 */
export default defineConfig({
  test: {
    reporters: ["default"],
    projects: [
      {
        test: {
          name: "parts",
          include: ["apps/*/src/**/*.test.ts", "packages/*/src/**/*.test.ts", "infra/**/*.test.ts", "tests/*.test.ts"],
          exclude: ["**/node_modules/**", "**/dist/**"],
          maxWorkers: 2,
          // Nothing is timed: these only end what hangs, also on a machine with other work.
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "whole",
          include: ["tests/{e2e,chaos}/**/*.test.ts"],
          exclude: ["**/node_modules/**", "**/dist/**", "tests/chaos/fence*.test.ts"],
          maxWorkers: 2,
          // A crash round restarts every service several times.
          testTimeout: 180_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "system",
          include: ["tests/chaos/fence*.test.ts", "tests/{demo,load}/**/*.test.ts", "tests/browser/weight.test.ts"],
          exclude: ["**/node_modules/**", "**/dist/**"],
          maxWorkers: 1,
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: "browser",
          include: ["tests/browser/**/*.test.ts"],
          exclude: ["**/node_modules/**", "**/dist/**", "tests/browser/weight.test.ts"],
          maxWorkers: 2,
          testTimeout: 180_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
})
