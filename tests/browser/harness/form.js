let unsaved = false;
const news = document.getElementById("news");
const url = document.getElementById("url");
document.querySelector("form").addEventListener("input", () => { unsaved = true; });
document.querySelector("form").addEventListener("submit", () => { unsaved = false; });
addEventListener("beforeunload", event => { if (unsaved) event.preventDefault(); });
document.getElementById("add").addEventListener("click", () => {
  const wrong = !url.value.startsWith("https://");
  url.setAttribute("aria-invalid", wrong);
  document.getElementById("url-error").textContent = wrong ? "Write https:// at its beginning." : "";
  // What comes later is waited for.
  if (!wrong) setTimeout(() => { news.textContent = "Added " + url.value; }, 50);
});
for (const each of document.querySelectorAll(".retry")) {
  each.addEventListener("click", () => {
    news.textContent = each.closest("tr").cells[0].textContent + " is retried";
    each.closest("tr").remove();
  });
}
document.getElementById("record").addEventListener("change", event => {
  news.textContent = "Chosen: " + event.target.files[0].name;
});
