/**
 * Builds the pages into dist/: one small start, the charts and each page's own code beside it. In `vite dev` the API
 * comes from a running `npm start`.
 */
import tailwindcss from "@tailwindcss/vite"
import react from "@vitejs/plugin-react"
import { defineConfig } from "vite"

const API = process.env["VITE_API"] ?? "http://127.0.0.1:8787"

export default defineConfig({
  plugins: [react(), tailwindcss()],
  build: {
    target: "es2023",
    sourcemap: false,
    // The content policy takes no data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // What draws is named for it, so that the start can be weighed without it; a dozen files of 1 kB are one request.
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: "charts", test: /node_modules\/d3-/ },
            { name: "ui", test: /src\/(ui|format)\// },
          ],
        },
      },
    },
  },
  server: { proxy: { "/api": API, "/__sandbox": API } },
})
