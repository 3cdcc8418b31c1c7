// The state, as server-sent events over fetch: EventSource can send no header, and a token in an address ends in logs.

const SILENT_MS = 10_000; // nothing for so long: the connection is dead, whatever the browser thinks
const AGAIN_MS = [500, 1_000, 2_000, 5_000];

// Follows the stream until `signal` ends it. `on.part(name, value)` for each part, `on.state(word)` for the connection:
// "live", "lost", or "locked" (with why), after which it ends.
export async function follow(token, on, signal) {
  for (let tries = 0; !signal.aborted; tries += 1) {
    const ended = await once(token, on, signal, () => { tries = 0; });
    if (ended?.locked !== undefined) {
      on.state("locked", ended.locked);
      return;
    }
    if (signal.aborted) return;
    on.state("lost");
    await sleep(AGAIN_MS[Math.min(tries, AGAIN_MS.length - 1)]);
  }
}

async function once(token, on, signal, alive) {
  const attempt = new AbortController();
  const give_up = () => attempt.abort();
  signal.addEventListener("abort", give_up, { once: true });
  let silent = setTimeout(give_up, SILENT_MS);
  try {
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    const answer = await fetch("/console/stream", {
      headers, cache: "no-store", credentials: "omit", signal: attempt.signal,
    });
    if (answer.status === 401 || answer.status === 403) return { locked: (await answer.text()).trim() };
    if (!answer.ok) return {};
    on.state("live");
    await read(answer.body.getReader(), (name, value) => {
      clearTimeout(silent);
      silent = setTimeout(give_up, SILENT_MS);
      alive();
      on.part(name, value);
    });
  } catch (error) {
    if (error.name !== "AbortError" && !(error instanceof TypeError)) throw error; // TypeError: the network's own
  } finally {
    clearTimeout(silent);
    signal.removeEventListener("abort", give_up);
    attempt.abort();
  }
  return {};
}

async function read(reader, take) {
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true });
    const whole = text.split("\n\n");
    text = whole.pop();
    for (const event of whole) {
      const found = /^event: (\w+)\ndata: (.*)$/s.exec(event);
      if (found) take(found[1], JSON.parse(found[2]));
    }
  }
}

function sleep(ms) {
  return new Promise((resume) => { setTimeout(resume, ms); });
}
