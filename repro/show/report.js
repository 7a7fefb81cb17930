"use strict";
(() => {
  const form = document.querySelector("#filters");
  const claims = [...document.querySelectorAll("details.claim")];
  const heading = document.querySelector("#claims");
  const status = document.querySelector("#count");
  const choices = [...form.querySelectorAll("select")];
  const texts = new Map(claims.map((claim) => [claim, claim.textContent.toLowerCase()]));
  const named = (params) => [...params].filter(([name, value]) => value && form.elements[name]);

  function filter(unknown = []) {
    const words = form.elements.words.value.toLowerCase();
    let shown = 0;
    for (const claim of claims) {
      const keep = choices.every((one) => !one.value || claim.dataset[one.name] === one.value)
        && texts.get(claim).includes(words);
      claim.hidden = !keep;
      shown += keep ? 1 : 0;
    }
    const by = named(new FormData(form)).map(([, value]) => value);
    status.textContent = `${shown} of ${claims.length} claims shown${by.length ? `: ${by.join(", ")}` : ""}`
      + (unknown.length ? `; not known here: ${unknown.join(", ")}` : "");
  }

  // Not form.reset(), after which the address is written anew.
  function clear() {
    for (const one of [...choices, form.elements.words]) one.value = "";
  }

  function toClaims() {
    heading.scrollIntoView();
    heading.focus({ preventScroll: true });
  }

  function write() {
    const wanted = new URLSearchParams(named(new FormData(form)));
    const hash = wanted.size ? `#${wanted.toString().replaceAll("+", "%20")}` : location.pathname + location.search;
    history.replaceState(null, "", hash);
    filter();
  }

  // What the address asks for: a filter, as #study=...&verdict=..., or one claim, which no filter hides then.
  function read() {
    const text = location.hash.slice(1);
    const wanted = named(new URLSearchParams(text));
    if (text.includes("=")) {
      clear();
      for (const [name, value] of wanted) form.elements[name].value = value;
      filter(wanted.filter(([name, value]) => form.elements[name].value !== value).map(([, value]) => value));
      toClaims();
      return;
    }
    const claim = text ? document.getElementById(decodeURIComponent(text)) : null;
    if (claim && claim.matches("details.claim")) {
      if (claim.hidden) {
        clear();
        filter();
      }
      claim.open = true;
      claim.scrollIntoView();
    }
  }

  const long = document.querySelector("#long");
  long.addEventListener("click", () => {
    document.documentElement.classList.add("long");
    claims.forEach((claim) => { claim.open = true; });
    window.print();
    document.documentElement.classList.remove("long");
  });
  long.hidden = false;
  form.hidden = false;
  ["input", "change"].forEach((event) => form.addEventListener(event, write));
  form.addEventListener("submit", (event) => { event.preventDefault(); toClaims(); });
  form.addEventListener("reset", () => setTimeout(write));
  window.addEventListener("hashchange", read);
  filter();
  read();
})();
