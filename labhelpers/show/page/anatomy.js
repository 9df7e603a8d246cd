"use strict";
const root = JSON.parse(document.getElementById("tree").textContent);
const map = document.getElementById("map"), bar = document.getElementById("trail");
const said = document.getElementById("said");
const number = n => n.toLocaleString("en");
// A node: name, size, change (null where one file is shown), class, place in its parent, children.
const [NAME, SIZE, CHANGE, LOOK, PLACE, INSIDE] = [0, 1, 2, 3, 4, 5];
let trail = [root];

function amount(node) {
  const change = node[CHANGE];
  if (change === null) return number(node[SIZE]);
  return change === 0 ? "±0" : (change > 0 ? "+" : "−") + number(Math.abs(change));
}

function describe(node) {
  const share = (100 * node[SIZE] / root[SIZE]).toFixed(2) + " %";
  const size = `${number(node[SIZE])} bytes, ${share} of the whole`;
  return node[CHANGE] === null ? size : `${amount(node)} bytes, of ${size}`;
}

function place(element, node) {
  const [left, top, width, height] = node[PLACE].map(part => part / 100 + "%");
  Object.assign(element.style, { left, top, width, height });
  element.className = node[LOOK] + (node[INSIDE].length ? " group" : "");
}

// Room in pixels decides how much is drawn: a title where it can be read, contents where they show.
// Inside a package its name is left out of its symbols'.
function fill(element, node, width, height, depth, above) {
  if (width < 34 || height < 15) return;
  const label = element.appendChild(document.createElement("span"));
  label.className = "label";
  const prefix = `${above[NAME]}.`, name = node[NAME];
  label.textContent = `${name.startsWith(prefix) ? name.slice(prefix.length) : name} ${amount(node)}`;
  if (!depth || width < 60 || height < 46) return;
  const inside = element.appendChild(document.createElement("span"));
  inside.className = "inside";
  inside.setAttribute("aria-hidden", "true");
  for (const child of node[INSIDE]) {
    const [, , w, h] = child[PLACE].map(part => part / 10000);
    const own = inside.appendChild(document.createElement("span"));
    place(own, child);
    fill(own, child, w * (width - 4), h * (height - 20), depth - 1, node);
  }
}

function show(focus) {
  const node = trail[trail.length - 1];
  map.replaceChildren(...(node[INSIDE].length ? node[INSIDE] : [node]).map((child, index) => {
    const button = document.createElement("button");
    place(button, child === node ? [...node.slice(0, 4), [0, 0, 10000, 10000], []] : child);
    const [, , w, h] = child[PLACE].map(part => part / 10000);
    fill(button, child, w * map.clientWidth, h * map.clientHeight, 2, node);
    button.type = "button";
    button.tabIndex = index ? -1 : 0;
    button.title = child[NAME];
    button.setAttribute("aria-label", `${child[NAME]}, ${describe(child)}`);
    button.onfocus = button.onmouseenter = () => {
      said.textContent = `${child[NAME]}: ${describe(child)}`;
    };
    button.onclick = () => { if (child[INSIDE].length && child !== node) go([...trail, child]); };
    return button;
  }));
  bar.replaceChildren(...trail.map((step, index) => {
    const button = document.createElement("button");
    button.textContent = (index ? "› " : "") + step[NAME];
    button.disabled = step === node;
    button.onclick = () => go(trail.slice(0, index + 1), trail[index + 1]);
    return button;
  }));
  if (focus) reach(map.children[Math.max(0, node[INSIDE].indexOf(focus))]);
  said.textContent = `${node[NAME]}: ${describe(node)}`;
}

// Tab goes to one rectangle of the map and on; the arrow keys say to which.
function reach(next) {
  for (const button of map.children) button.tabIndex = button === next ? 0 : -1;
  next.focus();
}

function go(to, from) {
  trail = to;
  show(from || to[to.length - 1][INSIDE][0]);
}

map.addEventListener("keydown", event => {
  const all = [...map.children], at = all.indexOf(document.activeElement);
  const steps = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1,
    Home: 0, End: all.length - 1 };
  if (event.key === "Escape" && trail.length > 1) go(trail.slice(0, -1), trail[trail.length - 1]);
  else if (event.key in steps) {
    reach(all[Math.min(all.length - 1, Math.max(0, steps[event.key]))]);
  } else return;
  event.preventDefault();
});
addEventListener("resize", () => show());
show();
