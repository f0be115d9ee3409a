/** Signing in: with an e-mail address in development, at the identity provider in production. */
import { useMutation, useQuery } from "@tanstack/react-query"
import { getRouteApi, useRouter } from "@tanstack/react-router"
import { type FormEvent, useState } from "react"
import { call, textOf } from "../api/client.ts"
import { queryClient, siteQuery } from "../api/queries.ts"
import { Button, buttonClass } from "../ui/button.tsx"
import { TextField } from "../ui/field.tsx"
import { Notice } from "../ui/notice.tsx"

const route = getRouteApi("/sign-in")

const OpenSignIn = ({ returnTo }: { readonly returnTo: string }) => {
  const router = useRouter()
  const [email, setEmail] = useState("")
  const signIn = useMutation({
    mutationFn: () => call("POST", "/api/v1/dev/sign-in", { body: { email: email.trim() } }),
    onSuccess: async () => {
      queryClient.clear()
      await router.navigate({ href: returnTo })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    signIn.mutate()
  }
  return (
    <form onSubmit={submit} className="grid gap-4">
      <TextField
        label="E-mail address"
        type="email"
        name="email"
        autoComplete="email"
        required
        value={email}
        onChange={(event) => setEmail(event.target.value)}
        hint="This is a development system: no password is asked, and no mail is sent to sign you in."
        error={signIn.error === null ? undefined : textOf(signIn.error)}
      />
      <Button type="submit" isBusy={signIn.isPending}>
        Sign in
      </Button>
    </form>
  )
}

export const SignInPage = () => {
  const { returnTo } = route.useSearch()
  const { data: site } = useQuery(siteQuery)
  return (
    <div className="mx-auto grid max-w-sm gap-6 py-10">
      <div>
        <h1>Sign in</h1>
        <p className="mt-2 text-soft">To your credits, plan and usage.</p>
      </div>
      {site?.signIn === "open" ? <OpenSignIn returnTo={returnTo} /> : null}
      {site?.signIn === "oidc" ? (
        <a href={`/api/auth/sign-in?${new URLSearchParams({ returnTo })}`} className={buttonClass()}>
          Continue to sign in
        </a>
      ) : null}
      {site?.signIn === "none" ? (
        <Notice tone="info">This server has no sign-in page. Use its API with a token of your issuer.</Notice>
      ) : null}
    </div>
  )
}
