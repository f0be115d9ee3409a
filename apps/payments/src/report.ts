/** Where a service's parts say what people should read; `main.ts` gives it to the log. */
export type Report = (level: "info" | "warning" | "error", message: string) => void
