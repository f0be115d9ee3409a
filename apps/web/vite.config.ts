/**
 * Builds the pages into dist/: one small start, the charts and each page's own code beside it. In `vite dev` the API
 * comes from a running `npm start`.
 */
import tailwindcss from "@tailwindcss/vite"
import react from "@vitejs/plugin-react"
import { defineConfig } from "vite"

const API = process.env["CREDITS_API"] ?? "http://127.0.0.1:8787"

export default defineConfig({
  plugins: [react(), tailwindcss()],
  build: { target: "es2023", sourcemap: false, assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: { proxy: { "/api": API, "/__sandbox": API } },
})
