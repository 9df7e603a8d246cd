"use strict";
const button = document.getElementById("copy"), code = document.getElementById("command");
const said = document.getElementById("said");

// Pages opened from a disk or inside another page may have no clipboard: the older way then, and
// where that is refused as well, the command is at least marked.
async function copy() {
  try {
    await navigator.clipboard.writeText(code.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(code);
    return document.execCommand("copy");
  }
}

button.hidden = false;
button.onclick = async () => {
  said.textContent = await copy() ? "Copied." : "It is marked: copy it with Ctrl+C.";
};
