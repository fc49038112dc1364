// The figures and their cases as a table: made by a job, whose progress is told, and offered when it is there.

const EACH_MS = 700;

export function offerExport(button, line) {
  const words = button.dataset;
  const headers = { Accept: "application/json", "X-CSRFToken": words.token };

  async function json(address, options = {}) {
    const answer = await fetch(address, { ...options, headers: { ...headers, ...options.headers }, cache: "no-store" });
    if (!answer.ok) throw new TypeError(`HTTP ${answer.status}`);
    return answer.json();
  }

  function say(text) {
    line.hidden = false;
    line.textContent = text;
  }

  function offer({ address, word }) {
    const link = document.createElement("a");
    link.className = "btn btn-primary";
    link.href = address;
    link.download = "";
    link.textContent = word;
    line.replaceChildren(link);
  }

  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const body = JSON.stringify(Object.fromEntries(new URLSearchParams(window.location.search)));
      const asked = await json(words.export, { method: "POST", body, headers: { "Content-Type": "application/json" } });
      for (;;) {
        const state = await json(asked.state);
        if (state.address) return offer(state);
        say(words.wordMaking.replace("{percent}", state.percent));
        await new Promise((resolve) => window.setTimeout(resolve, EACH_MS));
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      return say(words.wordFailed);
    } finally {
      button.disabled = false;
    }
  });
}
