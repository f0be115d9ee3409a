import { defineConfig } from "vitest/config"

/**
 * Two groups. *Parts*: tests beside the code, in as many files at once as there are cores. *System*: whole services
 * with their databases and bus, one file at a time, because each of them wants the machine for itself; they start when
 * the parts are done.
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
          name: "system",
          include: ["tests/*/**/*.test.ts"],
          exclude: ["**/node_modules/**", "**/dist/**"],
          maxWorkers: 1,
          fileParallelism: false,
          // A crash round restarts every service several times.
          testTimeout: 180_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
