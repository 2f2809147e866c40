// The login form: one page without scripts, for phones and keyboards, in light and dark.
import { createHash } from "node:crypto";

export interface LoginPage {
  /** Where to go afterwards: a path of ours. */
  readonly next: string;
  /** What was wrong with the last try. */
  readonly fault?: string;
  /** The name that was tried, so that it need not be typed again. */
  readonly tried?: string;
  /** Who is logged in now. */
  readonly user?: string;
}

const style = `
:root { color-scheme: light dark; --line: #767676; --fault: #b3261e; --accent: #1f5fbf; --text: #fff }
@media (prefers-color-scheme: dark) { :root { --line: #8f8f8f; --fault: #ff8f87; --accent: #8ab4f8; --text: #10151c } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif }
main { width: 100%; max-width: 20rem }
h1 { font-size: 1.5rem; margin: 0 0 1rem }
label { display: block; margin-top: 1rem }
input, button { width: 100%; min-height: 2.75rem; padding: .5rem .75rem; font: inherit; border: 1px solid var(--line); border-radius: .375rem }
button { margin-top: 1.5rem; border-color: var(--accent); background: var(--accent); color: var(--text); font-weight: 600; cursor: pointer }
form + form button { margin-top: .75rem; background: none; color: inherit; border-color: var(--line) }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
[role=alert] { color: var(--fault); margin: 0; font-weight: 600 }
`;

/** What the page may do: show itself, and send its form to where it came from. */
export const loginPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join("; ");

export function formatLoginPage({ next, fault, tried = "", user }: LoginPage): string {
  const wrong = fault === undefined ? "" : `<p role="alert" id="fault">${escaped(fault)}</p>`;
  const told = fault === undefined ? "" : ' aria-describedby="fault" aria-invalid="true"';
  const away =
    user === undefined ? "" : `<form method="post" action="logout"><button>Log out ${escaped(user)}</button></form>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Headend: log in</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>Headend</h1>
${wrong}
<form method="post" action="login">
<input type="hidden" name="next" value="${escaped(next)}">
<label for="user">User</label>
<input id="user" name="user" autocomplete="username" autocapitalize="none" spellcheck="false" required${told} value="${escaped(tried)}"${tried === "" ? " autofocus" : ""}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required${told}${tried === "" ? "" : " autofocus"}>
<button>Log in</button>
</form>
${away}
</main>
</body>
</html>
`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
