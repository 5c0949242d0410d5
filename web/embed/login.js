// Exchanges the one-time code of the fragment for a session. The fragment never leaves the
// browser, and is taken out of the address at once, so that the history does not hold it.
const fragment = new URLSearchParams(location.hash.slice(1));
history.replaceState(null, "", location.pathname);
const state = document.getElementById("state");
const again = "Run `dsp open` again.";

async function logIn(code) {
  const response = await fetch("/api/v1/login", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Dsp-Csrf": "1" },
    body: JSON.stringify({ code }),
  });
  if (response.ok) {
    const next = fragment.get("to");
    location.replace(next && /^\/[^/\\]/.test(next) ? next : "/");
    return;
  }
  const problem = await response.json().catch(() => ({}));
  state.textContent = `${problem.detail ?? "Logging in failed."} ${again}`;
}

const code = fragment.get("c");
if (code) {
  logIn(code).catch(() => { state.textContent = `The daemon does not answer. ${again}`; });
} else {
  state.textContent = `This address holds no code. ${again}`;
}
