/** An address that is no page. */
import { Link } from "@tanstack/react-router"
import { buttonClass } from "../ui/button.tsx"

export const NotFoundPage = () => (
  <div className="grid justify-items-start gap-4 py-16">
    <h1>There is no such page</h1>
    <p className="text-soft">The address may be mistyped, or the page has moved.</p>
    <Link to="/" className={buttonClass()}>
      To the start
    </Link>
  </div>
)
