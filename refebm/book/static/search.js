// Search by words, as `refebm list` does: without accents, in any case; each is the beginning of one that an entry has.
"use strict";

const MOST = 40;
const input = document.getElementById("search");
const list = document.getElementById("found");
const up = document.currentScript ? document.currentScript.dataset.up : "";
const places = { eq: "equation", eqs: "equation", equations: "equation", sec: "section", sections: "section" };

function words(text) {
  const plain = text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/ø/g, "o");
  return (plain.replace(/_/g, " ").match(/[a-z]+|\d+(?:\.\d+)*/g) || []).map((word) => places[word] || word);
}

function rank(wanted, name, known) {
  const own = words(name);
  const initials = own.map((word) => word[0]).join("");
  if (wanted.join("") === initials) return 0;
  const exact = (word) => known.includes(word);
  const begun = (word) => exact(word) || (!/^\d/.test(word) && known.some((one) => one.startsWith(word)));
  if (!wanted.every(begun)) return null;
  return wanted.every((word) => own.includes(word)) ? 1 : wanted.every(exact) ? 2 : 3;
}

function search() {
  const wanted = words(input.value);
  const found = [];
  if (wanted.length) {
    for (const [name, address, said, known] of ENTRIES) {
      const place = rank(wanted, name, known.split(" "));
      if (place !== null) found.push([place, found.length, name, address, said]);
    }
  }
  found.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  list.replaceChildren(...found.slice(0, MOST).map(item));
  if (wanted.length && !found.length) list.append(Object.assign(document.createElement("li"), { textContent: "nothing found" }));
  list.hidden = !wanted.length;
}

function item([, , name, address, said]) {
  const link = Object.assign(document.createElement("a"), { href: up + address });
  link.append(Object.assign(document.createElement("code"), { textContent: name }), " ", said);
  const row = document.createElement("li");
  row.append(link);
  return row;
}

input.addEventListener("input", search);
input.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    input.value = "";
    search();
  } else if (event.key === "Enter" && list.querySelector("a")) list.querySelector("a").click();
});
list.addEventListener("click", () => (list.hidden = true));
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== input) {
    event.preventDefault();
    input.focus();
  }
});
