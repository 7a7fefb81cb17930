"use strict";
(() => {
  const form = document.querySelector("#filters");
  const claims = [...document.querySelectorAll("details.claim")];
  const count = document.querySelector("#count");
  const wanted = (claim, name) => !form.elements[name].value || claim.dataset[name] === form.elements[name].value;
  function filter() {
    const words = form.elements.words.value.toLowerCase();
    let shown = 0;
    for (const claim of claims) {
      const keep = ["study", "verdict", "kind"].every((name) => wanted(claim, name))
        && claim.textContent.toLowerCase().includes(words);
      claim.hidden = !keep;
      shown += keep ? 1 : 0;
    }
    count.textContent = `${shown} of ${claims.length} claims shown`;
  }
  function open() {
    const claim = location.hash ? document.getElementById(decodeURIComponent(location.hash.slice(1))) : null;
    if (claim && claim.matches("details.claim")) {
      form.reset();
      filter();
      claim.open = true;
      claim.scrollIntoView();
    }
  }
  form.hidden = false;
  ["input", "change"].forEach((event) => form.addEventListener(event, filter));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  window.addEventListener("hashchange", open);
  window.addEventListener("beforeprint", () => claims.forEach((claim) => { claim.open = true; }));
  filter();
  open();
})();
