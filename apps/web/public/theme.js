// Before the first paint, and outside the bundle: the reader's choice of light or dark, else the system's.
;(() => {
  const chosen = localStorage.getItem("theme")
  const dark = chosen === null ? matchMedia("(prefers-color-scheme: dark)").matches : chosen === "dark"
  document.documentElement.dataset.theme = dark ? "dark" : "light"
})()
